# Reference values for tests/scales/test_percent_positive.py: shares by a regression on 1 alone, with sandwich's
# clustered variance (times G/(G-1), nothing else) and the t interval on the logit scale.
# Run:  Rscript tests/reference/percent_positive.R
# Reads structure_answers.csv (see structure_cfa.R) and writes percent_positive.json.
suppressPackageStartupMessages({ library(sandwich); library(jsonlite) })
script <- sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE))
here <- dirname(normalizePath(script))
answers <- read.csv(file.path(here, "structure_answers.csv"))
answers$room <- paste(answers$arm, answers$school)
answers$person <- seq_len(nrow(answers))
caring <- sprintf("w1_q%02d", 1:6)
voice <- sprintf("w1_q%02d", 7:12)
answers$w1_q03 <- 6 - answers$w1_q03  # as if reverse-worded: the test reverses it back
keyed <- answers
keyed$w1_q03 <- 6 - keyed$w1_q03

share <- function(y, unit) {
  d <- data.frame(y = y, unit = unit)[!is.na(y), ]
  fit <- lm(y ~ 1, d)
  g <- length(unique(d$unit))
  se <- sqrt(vcovCL(fit, d$unit, type = "HC0", cadjust = TRUE)[1, 1])
  p <- coef(fit)[[1]]
  ends <- plogis(qlogis(p) + c(-1, 1) * qt(.975, g - 1) * se / (p * (1 - p)))
  list(estimate = 100 * p, std_error = 100 * se, conf_low = 100 * ends[1], conf_high = 100 * ends[2],
       n_clusters = g, n = nrow(d), n_positive = sum(d$y))
}
long <- function(at) list(y = as.vector(as.matrix(keyed[at, caring]) >= 4) * 1, row = rep(which(at), length(caring)))
means <- function(items, d = keyed) {
  m <- rowMeans(d[items], na.rm = TRUE)
  ifelse(rowSums(!is.na(d[items])) >= 5, m, NA)  # 0.8 of 6 items
}
everybody <- rep(TRUE, nrow(keyed))
offered <- keyed$arm == "offer"
pooled <- function(at, unit) { l <- long(at); share(l$y, unit[l$row]) }
one <- (means(caring) >= 3.5) * 1
both <- (means(caring) >= 3.5 & means(voice) >= 3.5) * 1
both[is.na(means(caring)) | is.na(means(voice))] <- NA
out <- list(
  pooled_items = pooled(everybody, keyed$person), pooled_items_room = pooled(everybody, keyed$room),
  pooled_items_room_offer = pooled(offered, keyed$room),
  person_mean = share(one, keyed$person), person_mean_room = share(one, keyed$room),
  all_conditions_room = share(both, keyed$room))
write_json(out, file.path(here, "percent_positive.json"), digits = 12, auto_unbox = TRUE)
