# Makes staggered.csv (12 schools of unequal size that start in different waves) and staggered.json: group-time effects,
# their standard errors and the checks beside them, from lm, glm and clubSandwich, written out plainly.
# Influence functions are taken by their definition: the derivative of the estimate by a unit's weight.
# Run in this folder: Rscript staggered.R
suppressPackageStartupMessages({library(clubSandwich)})
set.seed(20)
size <- c(9, 14, 20, 7, 16, 11, 12, 18, 8, 15, 10, 13)
start <- c(3, 3, 3, 4, 4, 4, 5, 5, 5, NA, NA, NA)
d <- do.call(rbind, lapply(1:12, function(s) data.frame(
  school = sprintf("s%02d", s), student = s * 100 + seq_len(size[s]), start = start[s])))
d$x <- round(rnorm(nrow(d), ifelse(is.na(d$start), 0, 0.3)), 3)
d$w <- round(runif(nrow(d), 0.5, 2), 2)
person <- rnorm(nrow(d))
shock <- matrix(rnorm(12 * 5, 0, 0.3), 12)
d <- do.call(rbind, lapply(1:5, function(t) {
  s <- as.integer(substr(d$school, 2, 3))
  gap <- ifelse(is.na(d$start), -1, t - d$start)
  y <- person + shock[cbind(s, t)] + 0.1 * t * d$x + ifelse(gap >= 0, 0.2 + 0.15 * gap, 0) + rnorm(nrow(d), 0, 0.6)
  data.frame(d, wave = t, y = round(y, 3))
}))
d <- d[order(d$student, d$wave), ]
write.csv(d, "staggered.csv", row.names = FALSE)
d$g <- ifelse(is.na(d$start), 99, d$start)
out <- list()

# ---- cells without covariates: difference of mean changes, CR2 and Satterthwaite of clubSandwich
wide <- reshape(d[, c("student", "school", "g", "x", "w", "wave", "y")], idvar = "student", timevar = "wave",
                direction = "wide", v.names = "y")
cells <- expand.grid(t = 2:5, g = 3:5)
out$cells <- do.call(rbind, lapply(seq_len(nrow(cells)), function(i) {
  g <- cells$g[i]; t <- cells$t[i]; b <- if (t >= g) g - 1 else t - 1
  s <- wide[wide$g %in% c(g, 99), ]
  s$dy <- s[[paste0("y.", t)]] - s[[paste0("y.", b)]]; s$d <- as.numeric(s$g == g)
  m <- lm(dy ~ d, s)
  k <- coef_test(m, vcov = vcovCR(m, s$school, type = "CR2"), test = "Satterthwaite", coefs = "d")
  c0 <- sqrt(vcovCR(m, s$school, type = "CR0")[2, 2])
  data.frame(group = g, time = t, estimate = k$beta, cr2 = k$SE, df = k$df_Satt, p = k$p_Satt, cr0 = c0)
}))

# ---- covariates and weights: estimate as a function of weights, and its derivative by each unit's weight
panel_att <- function(s, w, method) {
  d1 <- s$d == 1; s$.w <- w
  mu <- 0; odds <- rep(1, nrow(s))
  if (method != "ipw") mu <- predict(lm(dy ~ x, s[!d1, ], weights = .w), s)
  if (method != "reg") {
    p <- suppressWarnings(glm(d ~ x, binomial, s, weights = .w, control = glm.control(epsilon = 1e-14, maxit = 100)))$fitted
    odds <- p / (1 - p)
  }
  treated <- weighted.mean((s$dy - mu)[d1], w[d1])
  if (method == "reg") return(treated)
  treated - weighted.mean((s$dy - mu)[!d1], (w * odds)[!d1])
}
cross_att <- function(s, w, method) {
  d1 <- s$d == 1; odds <- rep(1, nrow(s)); s$.w <- w
  if (method != "reg") {
    p <- suppressWarnings(glm(d ~ x, binomial, s, weights = .w, control = glm.control(epsilon = 1e-14, maxit = 100)))$fitted
    odds <- p / (1 - p)
  }
  total <- 0
  for (post in c(1, 0)) {
    here <- s$post == post; a <- d1 & here; c <- !d1 & here
    mc <- if (method == "ipw") rep(0, nrow(s)) else predict(lm(y ~ x, s[c, ], weights = .w), s)
    part <- if (method == "reg") weighted.mean(s$y[a], w[a]) - weighted.mean(mc[d1], w[d1]) else
      weighted.mean((s$y - mc)[a], w[a]) - weighted.mean((s$y - mc)[c], (w * odds)[c])
    if (method == "dr") {
      mt <- predict(lm(y ~ x, s[a, ], weights = .w), s)
      part <- part + weighted.mean((mt - mc)[d1], w[d1]) - weighted.mean((mt - mc)[a], w[a])
    }
    total <- total + ifelse(post == 1, 1, -1) * part
  }
  total
}
clustered <- function(f, s, w) {  # sum over schools of squared sums of weight times derivative
  eps <- 1e-4
  move <- sapply(seq_len(nrow(s)), function(i) {
    up <- down <- w; up[i] <- w[i] * (1 + eps); down[i] <- w[i] * (1 - eps)
    (f(s, up) - f(s, down)) / (2 * eps)
  })
  sqrt(sum(tapply(move, s$school, sum)^2))
}
cases <- expand.grid(weighted = c(FALSE, TRUE), method = c("dr", "reg", "ipw"), stringsAsFactors = FALSE)
out$covariate <- do.call(rbind, lapply(seq_len(nrow(cases)), function(i) {
  s <- wide[wide$g %in% c(3, 99), ]; s$dy <- s$y.4 - s$y.2; s$d <- as.numeric(s$g == 3)
  w <- if (cases$weighted[i]) s$w else rep(1, nrow(s)); m <- cases$method[i]
  r <- d[d$g %in% c(3, 99) & d$wave %in% c(2, 4), ]; r$d <- as.numeric(r$g == 3); r$post <- as.numeric(r$wave == 4)
  r <- r[(r$student + r$wave) %% 3 != 0, ]  # other students in each wave
  v <- if (cases$weighted[i]) r$w else rep(1, nrow(r))
  data.frame(cases[i, ], estimate = panel_att(s, w, m), cr0 = clustered(function(a, b) panel_att(a, b, m), s, w),
             cross = cross_att(r, v, m), cross_cr0 = clustered(function(a, b) cross_att(a, b, m), r, v))
}))

# ---- averages: estimate as a function of weights, derivative by each student's weight
averages <- function(w) {
  att <- sapply(seq_len(nrow(cells)), function(i) {
    g <- cells$g[i]; t <- cells$t[i]; b <- if (t >= g) g - 1 else t - 1
    dy <- wide[[paste0("y.", t)]] - wide[[paste0("y.", b)]]
    weighted.mean(dy[wide$g == g], w[wide$g == g]) - weighted.mean(dy[wide$g == 99], w[wide$g == 99])
  })
  pg <- sapply(cells$g, function(g) sum(w[wide$g == g])); e <- cells$t - cells$g; post <- e >= 0
  event <- sapply(sort(unique(e)), function(k) weighted.mean(att[e == k], pg[e == k]))
  group <- sapply(3:5, function(g) mean(att[post & cells$g == g]))
  calendar <- sapply(3:5, function(t) weighted.mean(att[post & cells$t == t], pg[post & cells$t == t]))
  c(event, mean(event[sort(unique(e)) >= 0]), group, weighted.mean(group, sapply(3:5, function(g) sum(w[wide$g == g]))),
    calendar, mean(calendar), weighted.mean(att[post], pg[post]))
}
one <- rep(1, nrow(wide)); eps <- 1e-4
move <- sapply(seq_len(nrow(wide)), function(i) {
  up <- down <- one; up[i] <- 1 + eps; down[i] <- 1 - eps
  (averages(up) - averages(down)) / (2 * eps)
})
by_school <- apply(move, 1, function(m) tapply(m, wide$school, sum))
out$averages <- list(
  term = c(paste0("event", -3:2), "event overall", paste0("group", 3:5), "group overall", paste0("calendar", 3:5),
           "calendar overall", "simple overall"),
  estimate = averages(one), cr0 = sqrt(colSums(by_school^2)))

# ---- interaction-weighted event study
d$f <- factor(ifelse(d$g < 99 & d$wave != d$g - 1, paste0(d$g, "_", d$wave), "0"))
m <- lm(y ~ factor(student) + factor(wave) + f, d)
v <- vcovCR(m, d$school, type = "CR2")
keep <- grep("^f[0-9]", names(coef(m))); name <- sub("^f", "", names(coef(m))[keep])
g <- as.integer(sub("_.*", "", name)); e <- as.integer(sub(".*_", "", name)) - g
n <- sapply(name, function(k) sum(d$f == k)); events <- sort(unique(e))
C <- t(sapply(events, function(k) { z <- rep(0, length(coef(m))); z[keep[e == k]] <- n[e == k] / sum(n[e == k]); z }))
C <- rbind(C, colMeans(C[events >= 0, ]))
k <- linear_contrast(m, vcov = v, contrasts = C, test = "Satterthwaite")
out$sun_abraham <- list(term = c(events, "overall"), estimate = k$Est, cr2 = k$SE, df = k$df)

# ---- imputation: untreated rows' fit, weights by matrices
on <- d$wave >= d$g
X <- cbind(model.matrix(~ 0 + factor(student), d), model.matrix(~ factor(wave), d)[, -1])
b <- solve(crossprod(X[!on, ]), crossprod(X[!on, ], d$y[!on]))
res <- as.vector(d$y - X %*% b)
imputed <- lapply(c(list(TRUE), as.list(0:2)), function(k) {
  target <- on & (if (isTRUE(k)) TRUE else d$wave - d$g == k)
  w <- target / sum(target); v <- w
  v[!on] <- -X[!on, ] %*% solve(crossprod(X[!on, ]), crossprod(X[on, ], w[on]))
  plain <- small <- tapply(ifelse(on, 0, v * res), d$school, sum)
  for (cell in unique(paste(d$g, d$wave)[target])) {
    r <- target & paste(d$g, d$wave) == cell
    a <- tapply(v[r], d$school[r], sum); z <- tapply((v * res)[r], d$school[r], sum)
    part <- z - a * sum(a * z) / sum(a^2)
    plain[names(a)] <- plain[names(a)] + part
    small[names(a)] <- small[names(a)] + part / sqrt(1 - a^2 / sum(a^2))
  }
  data.frame(term = if (isTRUE(k)) "overall" else as.character(k), estimate = sum(w * res), cr0 = sqrt(sum(plain^2)), cr2 = sqrt(sum(small^2)))
})
out$imputation <- do.call(rbind, imputed)

# ---- two-way fixed effects and every 2x2 comparison from its own subset of rows
d$on <- as.numeric(on)
out$twfe <- unname(coef(lm(y ~ on + factor(student) + factor(wave), d))["on"])
pairs <- list()
add <- function(kind, t, c, s) {
  m <- lm(y ~ on + factor(student) + factor(wave), s)
  r <- resid(lm(on ~ factor(student) + factor(wave), s))
  pairs[[length(pairs) + 1]] <<- data.frame(kind = kind, treated = t, control = c, estimate = coef(m)["on"], raw = sum(r^2))
}
# variance of treatment in the pair, times (rows of the pair / all rows)^2 times its own mean square = sum of squares * rows
for (k in 3:5) {
  for (l in c(4, 5, 99)) if (l > k) {
    s <- d[d$g %in% c(k, l), ]
    if (l == 99) { add("treated vs never treated", k, NA, s); next }
    add("earlier vs later treated", k, l, s[s$wave < l, ])
    add("later vs already treated", l, k, s[s$wave >= k, ])
  }
}
pairs <- do.call(rbind, pairs)
rows <- sapply(seq_len(nrow(pairs)), function(i) {
  p <- pairs[i, ]; a <- ifelse(is.na(p$control), 99, p$control)
  s <- d[d$g %in% c(p$treated, a), ]
  if (p$kind == "earlier vs later treated") s <- s[s$wave < p$control, ]
  if (p$kind == "later vs already treated") s <- s[s$wave >= p$control, ]
  nrow(s)
})
pairs$weight <- pairs$raw * rows; pairs$weight <- pairs$weight / sum(pairs$weight); pairs$raw <- NULL
stopifnot(abs(sum(pairs$weight * pairs$estimate) - out$twfe) < 1e-10)
out$bacon <- pairs
jsonlite::write_json(out, "staggered.json", digits = 14, auto_unbox = TRUE, pretty = TRUE, na = "null", dataframe = "columns")
