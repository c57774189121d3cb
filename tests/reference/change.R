# Reference values for the change of one group: simulated students in nine unequal schools, two waves, some of them absent.
# Rscript tests/reference/change.R tests/reference  (writes change.csv and change.json)
# R 4.2.2, clubSandwich 0.5.8, lme4 1.1-31, lmerTest 3.1-3.
suppressPackageStartupMessages({library(clubSandwich); library(lmerTest)})
folder <- commandArgs(TRUE)[1]
set.seed(11)
sizes <- c(4, 6, 7, 9, 11, 12, 15, 18, 24)
school <- rep(seq_along(sizes), sizes)
n <- length(school)
group <- sample(c("a", "b", "c"), n, TRUE, c(.5, .3, .2))
true <- rnorm(n, 3, .6) + rnorm(9, 0, .2)[school]
change <- .25 + rnorm(9, 0, .2)[school] + .15 * (group == "b")
before <- round(true + rnorm(n, 0, .4), 2)
after <- round(true + change + rnorm(n, 0, .4), 2)
passed <- function(x) as.numeric(x > 3.1)
wide <- data.frame(student = seq_len(n), school, group, before, after)
wide$before[sample(n, 5)] <- NA
wide$after[sample(n, 7)] <- NA
long <- rbind(data.frame(wide[c("student", "school", "group")], wave = "before", y = wide$before),
              data.frame(wide[c("student", "school", "group")], wave = "after", y = wide$after))
long$passed <- passed(long$y)
write.csv(long, file.path(folder, "change.csv"), row.names = FALSE, na = "")

out <- c()
add <- function(name, ...) {
  values <- c(...)
  body <- paste0('"', names(values), '": ', formatC(values, digits = 15, format = "g", width = 1), collapse = ", ")
  out <<- c(out, paste0('  "', name, '": {', body, '}'))
}
contrast <- function(name, fit, cluster, weights, ...) {
  test <- linear_contrast(fit, vcov = vcovCR(fit, cluster, "CR2"), contrasts = matrix(weights, 1), test = "Satterthwaite")
  p <- 2 * pt(-abs(test$Est / test$SE), test$df)
  add(name, estimate = test$Est, std_error = test$SE, df = test$df, p_value = p, conf_low = test$CI_L,
      conf_high = test$CI_U, ...)
}
both <- wide[!is.na(wide$before) & !is.na(wide$after), ]
both$diff <- both$after - both$before
fit <- lm(diff ~ 1, both)
contrast("clustered", fit, both$school, 1, n_students = nrow(both), sd_before = sd(both$before))
t <- t.test(both$after, both$before, paired = TRUE)
add("students", estimate = t$estimate[[1]], std_error = t$stderr, df = t$parameter[[1]], p_value = t$p.value,
    conf_low = t$conf.int[1], conf_high = t$conf.int[2])
fit <- lm(diff ~ 0 + group, both)
contrast("group a", fit, both$school, c(1, 0, 0))
contrast("group c", fit, both$school, c(0, 0, 1))
contrast("group b - a", fit, both$school, c(-1, 1, 0))
# Repeated cross-sections: everybody seen in either wave.
seen <- long[!is.na(long$y), ]
seen$post <- as.numeric(seen$wave == "after")
fit <- lm(y ~ post, seen)
contrast("cross-sections", fit, seen$school, c(0, 1), rows = nrow(seen))
w <- t.test(seen$y[seen$post == 1], seen$y[seen$post == 0])
add("cross-sections, students", estimate = diff(rev(w$estimate))[[1]], std_error = w$stderr)
# Shares.
share <- both
share$diff <- passed(both$after) - passed(both$before)
contrast("share", lm(diff ~ 1, share), share$school, 1, before = mean(passed(both$before)),
         cox = (qlogis(mean(passed(both$after))) - qlogis(mean(passed(both$before)))) / 1.65)
# One mean change a school, each counting once.
means <- tapply(both$diff, both$school, mean)
m <- t.test(means)
add("school means", estimate = m$estimate[[1]], std_error = m$stderr, df = m$parameter[[1]], p_value = m$p.value)
mixed <- lmer(y ~ post + (1 + post | school) + (1 | student), seen,
              control = lmerControl("bobyqa", check.conv.singular = "ignore"))
row <- coef(summary(mixed))["post", ]
add("multilevel", estimate = row[["Estimate"]], std_error = row[["Std. Error"]], df = row[["df"]])
writeLines(c("{", paste(out, collapse = ",\n"), "}"), file.path(folder, "change.json"))
