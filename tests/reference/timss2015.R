# Reference values for the example timss2015_belonging: psych and lavaan on the published answers.
# Run:  Rscript tests/reference/timss2015.R FOLDER_OF_REAL_DATA
# Writes timss2015.json beside this script. BSBG15 is reversed (3 - x), as in the example's study.yml.
suppressPackageStartupMessages({ library(psych); library(lavaan); library(jsonlite) })
script <- sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE))
here <- dirname(normalizePath(script))
answers <- read.csv(file.path(commandArgs(TRUE)[1], "timss2015_belonging", "items.csv"))
names(answers) <- c(paste0("belong_", letters[1:7]), paste0("bully_", letters[1:9]))
answers[1:7] <- 3 - answers[1:7]
scales <- list(belonging = names(answers)[1:7], bullying = names(answers)[8:16])
line <- function(name) paste(name, "=~", paste(scales[[name]], collapse = " + "))
two <- paste(line("belonging"), line("bullying"), sep = "\n")
mixed <- paste("school =~", paste(names(answers), collapse = " + "))
described <- function(fit) {
  p <- parameterEstimates(fit)
  s <- standardizedSolution(fit)
  kept <- c("=~", "~~", "|", "~1")
  keep <- p$op %in% kept
  s <- s[s$op %in% kept, ]
  list(fit = as.list(fitMeasures(fit)),
       estimates = list(key = paste0(p$lhs, p$op, p$rhs)[keep], group = rep(1, sum(keep)), est = p$est[keep],
                        se = p$se[keep], std = s$est.std, std_se = s$se))
}
tight <- list(rel.tol = 1e-10, iter.max = 5000)
run <- function(model, ...) suppressWarnings(cfa(model, data = answers, ...))
ordered <- function(model) suppressWarnings(cfa(model, data = answers, estimator = "WLSMV", ordered = TRUE))
reliability <- function(items) {
  k <- length(items); x <- answers[items]
  a <- suppressWarnings(psych::alpha(x, check.keys = FALSE, warnings = FALSE))
  loading <- paste0("l", 1:k); residual <- paste0("e", 1:k)
  model <- paste0("f =~ ", paste0(loading, "*", items, collapse = " + "), "\n",
                  paste0(items, " ~~ ", residual, "*", items, collapse = "\n"), "\n",
                  "omega := (", paste(loading, collapse = "+"), ")^2 / ((", paste(loading, collapse = "+"), ")^2 + ",
                  paste(residual, collapse = "+"), ")")
  fit <- suppressWarnings(cfa(model, data = x, std.lv = TRUE, control = tight))
  p <- parameterEstimates(fit)
  list(items = items, alpha = a$total$raw_alpha, omega = p$est[p$lhs == "omega"], item_rest = a$item.stats$r.drop,
       alpha_if_dropped = a$alpha.drop$raw_alpha, mean = mean(rowMeans(x)), sd = sd(rowMeans(x)))
}
out <- list(
  n = nrow(answers),
  reliability = lapply(scales, reliability),
  correlation_of_scores = cor(rowMeans(answers[scales$belonging]), rowMeans(answers[scales$bullying])),
  polychoric = unname(suppressWarnings(polychoric(answers, correct = 0))$rho),
  one_belonging = described(run(line("belonging"), control = tight)),
  one_bullying = described(run(line("bullying"), control = tight)),
  one_of_all = described(run(mixed, control = tight)),
  two = described(run(two, control = tight)),
  two_mlr = described(run(two, estimator = "MLR", control = tight)),
  one_belonging_wlsmv = described(ordered(line("belonging"))),
  two_wlsmv = described(ordered(two)),
  versions = list(R = as.character(getRversion()), lavaan = as.character(packageVersion("lavaan")),
                  psych = as.character(packageVersion("psych"))))
write_json(out, file.path(here, "timss2015.json"), digits = 12, auto_unbox = TRUE, na = "null")
