# Reference values for tests/scales/reliability: psych, lavaan and semTools, and the textbook formulas in base R.
# Run:  Rscript tests/reference/reliability_more.R FOLDER_OF_REAL_DATA   (after exploratory.R, whose data it reads)
# Writes reliability_retest.csv (data drawn here) and reliability_more.json beside this script.
suppressPackageStartupMessages({ library(psych); library(lavaan); library(semTools); library(jsonlite) })
script <- sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE))
here <- dirname(normalizePath(script))
real <- commandArgs(TRUE)[1]

hierarchical <- function(x, k, fm) {
  o <- suppressMessages(suppressWarnings(psych::omega(x, k, fm = fm, flip = FALSE, plot = FALSE)))
  sl <- unclass(o$schmid$sl)
  list(n = nrow(x), omega_h = o$omega_h, omega_total = o$omega.tot, ecv = unname(o$ECV),
       general = unname(sl[, 1]), group = unname(sl[, 1 + 1:k]))
}

# One factor of the polychoric correlations by unweighted least squares, and what alpha makes of them.
ordinal <- function(x) {
  rho <- suppressWarnings(psych::polychoric(x, correct = 0))$rho
  fit <- cfa(paste("f =~", paste(names(x), collapse = " + ")), data = x, ordered = names(x), std.lv = TRUE,
             estimator = "ULS")
  stopifnot(lavInspect(fit, "converged"))
  l <- standardizedSolution(fit); l <- l$est.std[l$op == "=~"]
  lav <- unclass(lavCor(x, ordered = names(x)))
  k <- ncol(x)
  list(n = nrow(x), psych_alpha = suppressWarnings(psych::alpha(rho))$total$raw_alpha,
       lavaan_alpha = k / (k - 1) * (1 - k / sum(lav)), loadings = l,
       omega = sum(l)^2 / (sum(l)^2 + sum(1 - l^2)),
       semtools_omega = unname(compRelSEM(fit, ord.scale = FALSE)[1]))
}

set.seed(20265)
n <- 90
true <- rnorm(n, 3.4, .6)
waves <- data.frame(w1 = true + rnorm(n, 0, .3), w2 = true + .12 + rnorm(n, 0, .35), w3 = true + .2 + rnorm(n, 0, .3))
waves <- round(waves, 2)
write.csv(waves, file.path(here, "reliability_retest.csv"), row.names = FALSE)

icc <- function(x) {
  found <- function(level) {
    r <- psych::ICC(x, lmer = FALSE, alpha = 1 - level)$results
    r <- r[c(2, 3), c("ICC", "lower bound", "upper bound")]
    list(agreement = unname(unlist(r[1, ])), consistency = unname(unlist(r[2, ])))
  }
  list("95" = found(.95), "90" = found(.90))
}
retest <- function(x, y, level = .95) {
  d <- y - x; n <- length(d); z <- qnorm(.5 + level / 2); sem <- sd(d) / sqrt(2)
  chi <- qchisq(c(.5 + level / 2, .5 - level / 2), n - 1)
  edge <- qt(.5 + level / 2, n - 1) * sd(d) * sqrt(1 / n + z^2 / (2 * (n - 1)))
  r <- cor.test(x, y, conf.level = level); m <- t.test(d, conf.level = level)
  around <- function(e, half) c(e, e - half, e + half)
  list(pearson = c(unname(r$estimate), r$conf.int), change = c(unname(m$estimate), m$conf.int),
       sem = c(sem, sem * sqrt((n - 1) / chi)), individual = z * sqrt(2) * sem, group = z * sqrt(2) * sem / sqrt(n),
       lower = around(mean(d) - z * sd(d), edge), upper = around(mean(d) + z * sd(d), edge))
}

answers <- read.csv(file.path(here, "exploratory_answers.csv"))
hs <- read.csv(file.path(real, "holzinger_swineford", "HolzingerSwineford1939.csv"))[, paste0("x", 1:9)]
timss <- na.omit(read.csv(file.path(real, "timss2015_belonging", "items.csv"))[, 1:7])
out <- list(
  answers = list(ml3 = hierarchical(answers, 3, "ml"), minres3 = hierarchical(answers, 3, "minres"),
                 ml4 = hierarchical(answers, 4, "ml")),
  holzinger = list(ml3 = hierarchical(hs, 3, "ml"), minres3 = hierarchical(hs, 3, "minres")),
  ordinal = list(answers = ordinal(answers), six = ordinal(answers[, 1:6]), timss_belonging = ordinal(timss)),
  icc = list(two = icc(waves[, 1:2]), three = icc(waves)), retest = retest(waves$w1, waves$w2),
  retest_90 = retest(waves$w1, waves$w2, .90),
  versions = list(R = as.character(getRversion()), psych = as.character(packageVersion("psych")),
                  lavaan = as.character(packageVersion("lavaan")), semTools = as.character(packageVersion("semTools"))))
write_json(out, file.path(here, "reliability_more.json"), digits = 17, auto_unbox = TRUE)
