# Reference values for tests/scales/structure/test_factor_scores.py: lavPredict on simulated answers.
# Run:  Rscript tests/reference/factor_scores.R
# Reads structure_answers.csv (see structure_cfa.R) and writes factor_scores.json: scores of every 20th person fitted.
suppressPackageStartupMessages({ library(lavaan); library(jsonlite) })
script <- sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE))
here <- dirname(normalizePath(script))
answers <- read.csv(file.path(here, "structure_answers.csv"))
items <- function(wave, at) sprintf("w%d_q%02d", wave, at)
three <- function(wave) paste(sapply(1:3, function(f)
  paste0("f", f, " =~ ", paste(items(wave, 6 * (f - 1) + 1:6), collapse = " + "))), collapse = "\n")
run <- function(wave, ...) {                # as exactly as the optimiser manages
  for (tolerance in c(1e-12, 1e-11, 1e-10)) {
    fit <- suppressWarnings(cfa(three(wave), answers, control = list(rel.tol = tolerance), ...))
    if (lavInspect(fit, "converged")) return(fit)
  }
  stop("no convergence")
}
scores <- function(fit, method) {
  found <- lavPredict(fit, method = method, assemble = TRUE)
  found <- as.matrix(if (is.data.frame(found)) found[, 1:3] else found)
  rows <- sort(unlist(lavInspect(fit, "case.idx")))  # assembled scores of groups come in the data's order
  at <- seq(1, nrow(found), by = 20)
  list(row = rows[at] - 1, scores = unname(found[at, ]))
}
equal <- c("loadings", "intercepts")
fits <- list(
  plain = run(2), std_lv = run(2, std.lv = TRUE), listwise = run(1), arms = run(2, group = "arm", group.equal = equal),
  fiml = run(1, missing = "fiml"), fiml_arms = run(1, missing = "fiml", group = "arm", group.equal = equal))
out <- list(regression = lapply(fits, scores, method = "EBM"), bartlett = lapply(fits, scores, method = "ML"))
write_json(out, file.path(here, "factor_scores.json"), digits = 12, auto_unbox = TRUE, na = "null")
