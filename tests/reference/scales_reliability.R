# Reference values for tests/scales: psych, lavaan, and F quantiles.
# Run:  Rscript tests/reference/scales_reliability.R FOLDER_OF_REAL_DATA
# Writes scales_simulated.csv (data drawn here) and scales_reliability.json beside this script.
suppressPackageStartupMessages({ library(psych); library(lavaan); library(jsonlite) })
script <- sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE))
here <- dirname(normalizePath(script))
real <- commandArgs(TRUE)[1]

feldt <- function(alpha, n, k, level) {
  tail <- (1 - level) / 2
  c(1 - (1 - alpha) * qf(1 - tail, n - 1, (n - 1) * (k - 1)), 1 - (1 - alpha) * qf(tail, n - 1, (n - 1) * (k - 1)))
}

reference <- function(x) {
  n_all <- nrow(x)
  moments <- suppressWarnings(describe(x, type = 2))          # each item's own answers
  complete <- na.omit(x)
  k <- ncol(x)
  a <- suppressWarnings(psych::alpha(complete, check.keys = FALSE, warnings = FALSE))
  raw <- a$total$raw_alpha
  loading <- paste0("l", 1:k); residual <- paste0("e", 1:k)
  model <- paste0(
    "f =~ ", paste0(loading, "*", names(x), collapse = " + "), "\n",
    paste0(names(x), " ~~ ", residual, "*", names(x), collapse = "\n"), "\n",
    "common := (", paste(loading, collapse = "+"), ")^2\n",
    "unique := ", paste(residual, collapse = "+"), "\n",
    "omega := common / (common + unique)\nlogit := log(common / unique)\n")
  fit <- suppressWarnings(cfa(model, data = complete, std.lv = TRUE, estimator = "MLR",
                              control = list(rel.tol = 1e-10, iter.max = 5000)))
  stopifnot(lavInspect(fit, "converged"))
  estimates <- parameterEstimates(fit, level = 0.95)
  pick <- function(name, column) estimates[estimates$label == name, column]
  list(n = nrow(complete), n_dropped = n_all - nrow(complete), n_items = k,
       alpha = raw, alpha_95 = feldt(raw, nrow(complete), k, .95), alpha_90 = feldt(raw, nrow(complete), k, .90),
       alpha_if_dropped = a$alpha.drop$raw_alpha, item_rest = a$item.stats$r.drop,
       item_n = moments$n, item_mean = moments$mean, item_sd = moments$sd, item_skew = moments$skew,
       loadings = sapply(loading, pick, "est", USE.NAMES = FALSE),
       residuals = sapply(residual, pick, "est", USE.NAMES = FALSE),
       loading_se = sapply(loading, pick, "se", USE.NAMES = FALSE),
       residual_se = sapply(residual, pick, "se", USE.NAMES = FALSE),
       omega = pick("omega", "est"), omega_95 = plogis(c(pick("logit", "ci.lower"), pick("logit", "ci.upper"))))
}

set.seed(20261)
n <- 420
trait <- rnorm(n)
strength <- c(.8, .75, .7, .6, .6, .5, .45, .3)
latent <- outer(trait, strength) + sapply(strength, function(s) rnorm(n, 0, sqrt(1 - s^2)))
likert <- as.data.frame(apply(latent, 2, function(y) findInterval(y, c(-2, -1.4, -.6, .5)) + 1))
names(likert) <- paste0("q", 1:8)
for (i in 1:8) likert[sample(n, 6), i] <- NA                   # missing answers
negative <- c("q3", "q7")
form <- likert
form[negative] <- 6 - form[negative]                           # as worded on the form
write.csv(form, file.path(here, "scales_simulated.csv"), row.names = FALSE, na = "")

# A sample of four items whose maximum-likelihood solution has a negative residual variance.
heywood <- NULL
for (seed in 1:500) {
  set.seed(seed)
  t <- rnorm(60)
  x <- as.data.frame(outer(t, c(.95, .5, .4, .4)) + sapply(c(.3, .85, .9, .9), function(s) rnorm(60, 0, s)))
  names(x) <- paste0("h", 1:4)
  fit <- suppressWarnings(cfa("f =~ h1 + h2 + h3 + h4", data = x, std.lv = TRUE))
  e <- diag(lavInspect(fit, "est")$theta)
  if (lavInspect(fit, "converged") && min(e) < -.02) { heywood <- round(x, 6); break }
}
write.csv(heywood, file.path(here, "scales_heywood.csv"), row.names = FALSE)

timss <- read.csv(file.path(real, "timss2015_belonging", "items.csv"))
hs <- read.csv(file.path(real, "holzinger_swineford", "HolzingerSwineford1939.csv"))
out <- list(
  simulated = reference(likert),
  simulated_unreversed_rest = suppressWarnings(psych::alpha(na.omit(form), check.keys = FALSE, warnings = FALSE))$item.stats$r.drop,
  heywood = reference(heywood),
  timss_belonging = reference(timss[, 1:7]),
  timss_bullying = reference(timss[, 8:16]),
  hs_visual = reference(hs[, c("x1", "x2", "x3")]),
  hs_textual = reference(hs[, c("x4", "x5", "x6")]),
  hs_speed = reference(hs[, c("x7", "x8", "x9")]),
  hs_all = reference(hs[, paste0("x", 1:9)]),
  versions = list(R = as.character(getRversion()), psych = as.character(packageVersion("psych")),
                  lavaan = as.character(packageVersion("lavaan"))))
write_json(out, file.path(here, "scales_reliability.json"), digits = 17, auto_unbox = TRUE, pretty = TRUE)
