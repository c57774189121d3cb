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
# The research course: answers coded here from the words, without the package.
agreement <- c("Strongly disagree" = 1, "Disagree" = 2, "Neutral" = 3, "Agree" = 4, "Strongly agree" = 5)
gain <- c("No gain or very small gain" = 1, "Small gain" = 2, "Moderate gain" = 3, "Large gain" = 4, "Very large gain" = 5)
years <- lapply(1:3, function(year) {
  file <- file.path(folder, "bucknell_cure", paste0("Year", year, ".NoDemographics.tsv"))
  d <- read.delim(file, quote = "\"", na.strings = "NA", colClasses = "character", check.names = FALSE)
  names(d)[names(d) == "Semester_pre"] <- "Semester"
  cbind(d, cohort = year)
})
course <- do.call(rbind, years)
course <- course[course$Q1_pre == "Agree", ]
course$section <- paste(sub("^Prof[.] ", "", course$Instructor), course$Semester)
score <- function(words, columns, reverse = character()) {
  values <- sapply(columns, function(column) {
    x <- words[course[[column]]]
    if (column %in% reverse) 6 - x else x
  })
  enough <- rowMeans(!is.na(values)) >= .8
  ifelse(enough, rowMeans(values, na.rm = TRUE), NA)
}
items <- function(question, numbers, time) paste0(question, "_", numbers, "_", time)
scales <- list(engagement = list(items = c(1, 3, 5, 6, 10, 13, 15, 18), reverse = c(5, 6, 15)),
               nature = list(items = c(7, 8, 17, 22), reverse = c(7, 8, 17, 22)),
               confidence = list(items = 13, reverse = NULL))
for (name in names(scales)) {
  scale <- scales[[name]]
  before <- score(agreement, items("Q11", scale$items, "pre"), items("Q11", scale$reverse, "pre"))
  after <- score(agreement, items("Q13", scale$items, "post"), items("Q13", scale$reverse, "post"))
  add(paste("course", name, "before"), mean = mean(before, na.rm = TRUE), sd = sd(before, na.rm = TRUE),
      rows = sum(!is.na(before)))
  add(paste("course", name, "after"), mean = mean(after, na.rm = TRUE), sd = sd(after, na.rm = TRUE),
      rows = sum(!is.na(after)))
  both <- data.frame(diff = after - before, course[c("section", "cohort")])
  both <- both[!is.na(both$diff), ]
  fits <- list(all = both)
  if (name == "engagement") fits <- c(fits, split(both, both$cohort))
  for (part in names(fits)) {
    fit <- lm(diff ~ 1, fits[[part]])
    test <- coef_test(fit, vcovCR(fit, fits[[part]]$section, "CR2"))
    bounds <- test$beta + c(-1, 1) * qt(.975, test$df) * test$SE
    add(paste("course", name, "change", part), estimate = test$beta, std_error = test$SE, df = test$df,
        p_value = test$p_Satt, conf_low = bounds[1], conf_high = bounds[2], rows = nobs(fit),
        n_clusters = length(unique(fits[[part]]$section)))
  }
}
gains <- score(gain, items("Q10", 1:21, "post"))
add("course gains after", mean = mean(gains, na.rm = TRUE), sd = sd(gains, na.rm = TRUE),
    rows = sum(!is.na(gains)))
cat("{\n", paste(out, collapse = ",\n"), "\n}\n", sep = "")
