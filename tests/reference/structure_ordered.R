# Reference values for tests/scales/structure: polychoric correlations and ordered factor models, by lavaan and psych.
# Run after structure_cfa.R:  Rscript tests/reference/structure_ordered.R
# Reads structure_answers.csv and writes structure_ordered.json.
suppressPackageStartupMessages({ library(lavaan); library(psych); library(jsonlite) })
script <- sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE))
here <- dirname(normalizePath(script))
answers <- read.csv(file.path(here, "structure_answers.csv"))
items <- function(wave, at = 1:18) sprintf("w%d_q%02d", wave, at)
three <- function(wave) paste(sapply(1:3, function(f)
  paste0("f", f, " =~ ", paste(items(wave, 6 * (f - 1) + 1:6), collapse = " + "))), collapse = "\n")
one <- function(wave) paste("f =~", paste(items(wave, 1:6), collapse = " + "))
described <- function(fit) {
  p <- parameterEstimates(fit)
  s <- standardizedSolution(fit)
  group <- if (is.null(p$group)) rep(1, nrow(p)) else p$group
  keep <- p$op %in% c("=~", "~~", "|", "~1")
  s <- s[s$op %in% c("=~", "~~", "|", "~1"), ]
  list(fit = as.list(fitMeasures(fit)), estimates = list(
    key = paste0(p$lhs, p$op, p$rhs)[keep], group = group[keep], est = p$est[keep], se = p$se[keep],
    std = s$est.std, std_se = s$se))
}
run <- function(model, ...) suppressWarnings(cfa(model, data = answers, estimator = "WLSMV",
  ...))
complete <- answers[items(2)]
correlations <- suppressWarnings(lavCor(complete, ordered = items(2), output = "fit",
                                        control = list(rel.tol = 1e-12)))
cut_points <- lavInspect(correlations, "thresholds")
out <- list(
  polychoric = unname(unclass(lavInspect(correlations, "sampstat")$cov)),
  thresholds = list(name = names(cut_points), value = as.numeric(cut_points)),
  psych = unname(suppressWarnings(polychoric(complete, correct = 0))$rho),
  one = described(run(one(2), ordered = items(2, 1:6))),
  three = described(run(three(2), ordered = items(2))),
  three_std_lv = described(run(three(2), ordered = items(2), std.lv = TRUE)),
  configural = described(run(three(2), ordered = items(2), group = "arm")),
  versions = list(R = as.character(getRversion()), lavaan = as.character(packageVersion("lavaan")),
                  psych = as.character(packageVersion("psych"))))
equal <- run(three(2), ordered = items(2), group = "arm", group.equal = c("loadings", "thresholds"))
out$equal <- described(equal)
out$difference_groups <- as.list(lavTestLRT(run(three(2), ordered = items(2), group = "arm"), equal)[2, ])
labelled <- "f =~ w2_q01 + a*w2_q02 + a*w2_q03 + b*w2_q04 + b*w2_q05 + w2_q06"
out$difference_labels <- as.list(lavTestLRT(run(one(2), ordered = items(2, 1:6)),
                                            run(labelled, ordered = items(2, 1:6)))[2, ])
write_json(out, file.path(here, "structure_ordered.json"), digits = 12, auto_unbox = TRUE, na = "null")
