# Makes effects_panel.csv (a simulated unbalanced student panel) and effects_panel.json (clubSandwich's answers).
# Run in this folder: Rscript effects_panel.R
library(clubSandwich)
set.seed(20261123)
schools <- 14
sizes <- sample(5:16, schools, replace = TRUE)
treated <- c(1, 3, 4, 8, 11, 13)
d <- do.call(rbind, lapply(seq_len(schools), function(s) {
  one <- expand.grid(wave = 1:5, i = seq_len(sizes[s]))
  shock <- rnorm(5, 0, .25)
  person <- rnorm(sizes[s], 0, .6)
  data.frame(school = sprintf("s%02d", s), student = s * 100 + one$i, wave = one$wave,
             programme = as.integer(s %in% treated), pair = paste0("p", (s + 1) %/% 2), x = rnorm(nrow(one)),
             w = runif(nrow(one), .5, 2),
             base = person[one$i] + shock[one$wave] + .1 * one$wave)
}))
d$now <- as.integer(d$programme == 1 & d$wave >= 4)
d$y <- round(3 + d$base + .3 * d$now + .2 * d$x + rnorm(nrow(d), 0, .5), 4)
d$x <- round(d$x, 4); d$w <- round(d$w, 4); d$base <- NULL
d <- d[runif(nrow(d)) > .22, ]
d$y[runif(nrow(d)) < .05] <- NA
write.csv(d, "effects_panel.csv", row.names = FALSE, quote = FALSE, na = "")

# the same rows as the package keeps: outcome seen, a wave before the start, two waves or more
u <- d[!is.na(d$y), ]
u <- u[u$student %in% u$student[u$wave < 4], ]
u <- u[u$student %in% names(which(table(u$student) >= 2)), ]

describe <- function(fit, cl, coefs, n, k, ...) {
  cl <- as.character(cl); G <- length(unique(cl))
  cr0 <- vcovCR(fit, cl, type = "CR0", ...)
  out <- list(estimate = unname(coef(fit)[coefs]),
              cr1 = unname(sqrt(diag(as.matrix(cr0))[coefs] * G / (G - 1) * (n - 1) / (n - k))))
  cr2 <- vcovCR(fit, cl, type = "CR2", ...)
  out$cr2 <- unname(sqrt(diag(as.matrix(cr2))[coefs]))
  # CR3 as the jackknife that it is: leave each cluster out, refit, deviations from the full estimate
  f <- formula(fit); rows <- eval(fit$call$data)
  out$cr3 <- unname(sqrt(rowSums(matrix(sapply(unique(cl), function(g) {
    part <- lm(f, rows[cl != g, ]); coef(part)[coefs] - coef(fit)[coefs]
  }), nrow = length(coefs))^2)))
  t <- coef_test(fit, vcov = cr2, test = "Satterthwaite", coefs = coefs)
  out$df <- t$df_Satt; if (is.null(out$df)) out$df <- t$df
  out$p <- t$p_Satt; if (is.null(out$p)) out$p <- t$p_val
  out
}
res <- list(n_rows = nrow(u), n_units = length(unique(u$student)))
m <- lm(y ~ now + factor(wave) + factor(student), u)
res$did <- describe(m, u$school, "now", nrow(u), 1 + 4 + 1)
m <- lm(y ~ now + factor(wave) + x + factor(student), u)
res$did_x <- describe(m, u$school, c("now", "x"), nrow(u), 1 + 4 + 1 + 1)
# weights as inverse variances: the same model after multiplying every column by the root of the weight
X <- model.matrix(lm(y ~ now + factor(wave) + factor(student), u)) * sqrt(u$w)
colnames(X) <- make.names(colnames(X)); scaled <- data.frame(y = u$y * sqrt(u$w), X)
m <- lm(reformulate(c("0", colnames(X)), "y"), data = scaled)
res$did_w <- describe(m, u$school, "now", nrow(u), 1 + 4 + 1)
for (k in c(1, 2, 4, 5)) u[[paste0("e", k)]] <- u$programme * (u$wave == k)
m <- lm(y ~ e1 + e2 + e4 + e5 + factor(wave) + factor(student), u)
terms <- c("e1", "e2", "e4", "e5")
res$event <- describe(m, u$school, terms, nrow(u), 4 + 4 + 1)
w <- Wald_test(m, constrain_zero(c("e1", "e2")), vcov = vcovCR(m, u$school, type = "CR2"), test = "HTZ")
res$pretrend <- list(F = w$Fstat, df_num = w$df_num, df_denom = w$df_denom, p = w$p_val)
w <- Wald_test(m, constrain_zero(terms), vcov = vcovCR(m, u$school, type = "CR2"), test = "HTZ")
res$all_four <- list(F = w$Fstat, df_num = w$df_num, df_denom = w$df_denom, p = w$p_val)
# repeated cross-sections: school effects, all rows with an outcome
v <- d[!is.na(d$y), ]
m <- lm(y ~ now + factor(wave) + factor(school), v)
res$rcs <- describe(m, v$school, "now", nrow(v), 1 + 4 + 1)
# one wave: mean difference by school, with and without pairs
z <- v[v$wave == 5, ]
m <- lm(y ~ programme, z)
res$mean <- describe(m, z$school, "programme", nrow(z), 2)
m <- lm(y ~ programme + x + factor(pair), z)
res$mean_pairs <- describe(m, z$school, "programme", nrow(z), length(coef(m)))
jsonlite::write_json(res, "effects_panel.json", digits = 14, auto_unbox = TRUE, pretty = TRUE)
