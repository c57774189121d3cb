# Reference values for tests/scales/fairness: ordinal logistic regression by MASS::polr, R-squared written out here.
# Run after structure_cfa.R:  Rscript tests/reference/fairness_dif.R
# Reads structure_answers.csv and writes fairness_dif.json.
suppressPackageStartupMessages({ library(MASS); library(jsonlite) })
script <- sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE))
here <- dirname(normalizePath(script))
answers <- read.csv(file.path(here, "structure_answers.csv"))
answers$region <- ifelse(answers$school %in% c("D", "E"), "DE", ifelse(answers$school == "A", "A", "BC"))
items <- sprintf("w2_q%02d", 1:12)
fitted <- function(formula, data) polr(formula, data, method = "logistic", control = list(reltol = 1e-15, maxit = 2000))
one <- function(item, group, matching) {
  use <- answers[items]
  if (matching == "rest_score") use <- use[setdiff(items, item)]
  y <- answers[[item]]
  repeat {                                        # answers of fewer than five people of a group join their neighbour
    counts <- table(y, answers[[group]])
    if (min(counts) >= 5) break
    at <- which.min(apply(counts, 1, min)); sizes <- rowSums(counts)
    around <- c(at - 1, at + 1); around <- around[around >= 1 & around <= nrow(counts)]
    to <- around[which.min(sizes[around])]
    y[y == as.numeric(rownames(counts)[at])] <- as.numeric(rownames(counts)[to])
  }
  d <- data.frame(y = factor(y, ordered = TRUE), m = as.numeric(scale(rowMeans(use))),
                  g = factor(answers[[group]], levels = unique(answers[[group]])))
  models <- lapply(c(y ~ 1, y ~ m, y ~ m + g, y ~ m * g), fitted, data = d)
  l <- sapply(models, function(m) as.numeric(logLik(m))); n <- nrow(d)
  nagelkerke <- (1 - exp(2 * (l[1] - l) / n)) / (1 - exp(2 * l[1] / n))
  mcfadden <- 1 - l / l[1]
  effects <- c(0, coef(models[[3]])[-1])
  list(item = item, chi2_uniform = 2 * (l[3] - l[2]), chi2_nonuniform = 2 * (l[4] - l[3]), chi2_both = 2 * (l[4] - l[2]),
       nagelkerke_uniform = nagelkerke[3] - nagelkerke[2], nagelkerke_both = nagelkerke[4] - nagelkerke[2],
       mcfadden_uniform = mcfadden[3] - mcfadden[2], mcfadden_both = mcfadden[4] - mcfadden[2],
       log_odds = max(effects) - min(effects), higher_in = levels(d$g)[which.max(effects)],
       n_categories = nlevels(d$y))
}
out <- list()
for (group in c("arm", "region")) for (matching in c("total", "rest_score"))
  out[[paste(group, matching, sep = "_")]] <- lapply(items, one, group = group, matching = matching)
p <- sapply(out$region_total, function(x) pchisq(x$chi2_both, 4, lower.tail = FALSE))
out$region_holm <- p.adjust(p, "holm")
out$versions <- list(R = as.character(getRversion()), MASS = as.character(packageVersion("MASS")))
write_json(out, file.path(here, "fairness_dif.json"), digits = 12, auto_unbox = TRUE, na = "null")
