# Reference values for the example studies: the models of their reports, fitted in R.
# Rscript tests/reference/examples.R DATA_FOLDER > tests/reference/examples.json
# R 4.2.2, clubSandwich 0.5.8, sandwich 3.0-2, lme4 1.1-31, lmerTest 3.1-3.
suppressPackageStartupMessages({library(clubSandwich); library(sandwich); library(lmerTest)})
folder <- commandArgs(TRUE)[1]
out <- c()
add <- function(name, ...) {
  values <- c(...)
  body <- paste0('"', names(values), '": ', formatC(values, digits = 15, format = "g", width = 1), collapse = ", ")
  out <<- c(out, paste0('  "', name, '": {', body, '}'))
}

awards <- read.csv(file.path(folder, "achievement_awards", "AchievementAwardsRCT.csv.gz"))
for (year in c(2001, 2002)) {
  rows <- awards[awards$year %in% c(1999, 2000, year), ]
  rows$now <- rows$treated * (rows$year == year)
  for (outcome in c("Bagrut_status", "attempted", "awarded")) {
    rows$y <- rows[[outcome]]
    fit <- lm(y ~ now + factor(school_id) + factor(year), data = rows)
    test <- coef_test(fit, vcovCR(fit, rows$school_id[!is.na(rows$y)], "CR2"), coefs = "now")
    bounds <- test$beta + c(-1, 1) * qt(.975, test$df) * test$SE
    add(paste("awards", year, outcome), estimate = test$beta, std_error = test$SE, df = test$df, p_value = test$p_Satt,
        conf_low = bounds[1], conf_high = bounds[2], rows = nobs(fit))
  }
}

star <- read.csv(file.path(folder, "star", "STAR.csv.gz"))
for (grade in c("k", "1", "2", "3")) {
  arm <- star[[paste0("star", grade)]]
  y <- star[[paste0("read", grade)]] + star[[paste0("math", grade)]]
  school <- star[[paste0("schoolid", grade)]]
  keep <- !is.na(y) & !is.na(arm) & arm != ""
  d <- data.frame(y = y[keep], arm = relevel(factor(arm[keep]), "regular"), school = school[keep])
  fit <- lm(y ~ arm, data = d)
  se <- sqrt(diag(vcovHC(fit, "HC1")))
  for (level in c("small", "regular+aide")) {
    at <- paste0("arm", level)
    add(paste("star", grade, level), estimate = coef(fit)[[at]], std_error = se[[at]], rows = nobs(fit))
  }
  if (grade == "k") {
    small <- droplevels(d[d$arm != "regular+aide", ])
    mixed <- lmer(y ~ arm + (1 | school), data = small)
    row <- coef(summary(mixed))["armsmall", ]
    add("star k small multilevel", estimate = row[["Estimate"]], std_error = row[["Std. Error"]], df = row[["df"]])
  }
}
cat("{\n", paste(out, collapse = ",\n"), "\n}\n", sep = "")
