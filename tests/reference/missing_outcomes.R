# Attrition weights and a two-level imputation model for tests/effects/missing, on one simulated panel.
#   Rscript missing_outcomes.R   (in tests/reference; writes missing_outcomes.csv and missing_outcomes.json)
suppressPackageStartupMessages({library(clubSandwich); library(lme4); library(jsonlite)})
set.seed(7)
n_schools <- 16; size <- rep(c(15, 30, 20, 25), 4)
d <- data.frame(school = rep(seq_len(n_schools), size))
d$on <- d$school %% 2
n <- nrow(d)
d$before <- round(rnorm(n_schools, 0, 0.4)[d$school] + rnorm(n), 3)
d$girl <- rbinom(n, 1, 0.5)
d$after <- round(0.6 * d$before + 0.2 * d$girl + rnorm(n_schools, 0, 0.5)[d$school] + rnorm(n, 0, 0.8) + 0.3 * d$on, 3)
d$after[runif(n) > plogis(1.2 + 0.8 * d$before * ifelse(d$on == 1, 1, -1) + 0.4 * d$girl)] <- NA
write.csv(d, "missing_outcomes.csv", row.names = FALSE, na = "")

d$seen <- as.numeric(!is.na(d$after))
d$w <- NA; coefficients <- list()
for (arm in c(1, 0)) {
  here <- d$on == arm
  m <- glm(seen ~ before + girl, binomial, d[here, ], control = list(epsilon = 1e-14))
  coefficients[[as.character(arm)]] <- unname(coef(m))
  d$w[here] <- mean(d$seen[here]) / fitted(m)
}
s <- d[d$seen == 1, ]
s$change <- s$after - s$before
test <- function(m) {
  t <- coef_test(m, "CR2", cluster = s$school)[2, ]
  list(estimate = t$beta, se = t$SE, df = t$df_Satt, p = t$p_Satt)
}
two_level <- lmer(after - before ~ on + before + girl + (1 | school), s)
lost <- d[d$seen == 0, ]
write(toJSON(list(
  plain = test(lm(change ~ on, s)),
  # weights as inverse variances: every column multiplied by the root of the weight
  weighted = test(lm(I(change * sqrt(w)) ~ 0 + sqrt(w) + I(on * sqrt(w)), s)),
  coefficients = coefficients,
  effective = list(treated = sum(s$w[s$on == 1])^2 / sum(s$w[s$on == 1]^2),
                   comparison = sum(s$w[s$on == 0])^2 / sum(s$w[s$on == 0]^2)),
  largest = max(s$w),
  blup = unname(predict(two_level, lost)), sigma = sigma(two_level), school = sqrt(unlist(VarCorr(two_level)))[[1]]
), auto_unbox = TRUE, digits = 12, pretty = TRUE), "missing_outcomes.json")
