# Reference values for tests/scales/irt: graded response and generalised partial credit by direct maximisation of the
# marginal likelihood (optim, 61-point Gauss-Hermite quadrature), and Warm's estimates by uniroot with numerical
# derivatives. Nothing here is shared with the package, and no package for item response models is used.
# Run:  Rscript tests/reference/irt_models.R
# Reads structure_answers.csv (see structure_cfa.R: items w1_q01 to w1_q06, with missing answers); writes irt_models.json.
suppressPackageStartupMessages(library(jsonlite))
script <- sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE))
here <- dirname(normalizePath(script))
answers <- as.matrix(read.csv(file.path(here, "structure_answers.csv"))[sprintf("w1_q%02d", 1:6)])
answers <- answers[rowSums(!is.na(answers)) > 0, ]
k <- ncol(answers); m <- 5

off <- sqrt(1:60)                                        # Golub and Welsch (1969), for a standard normal
jacobi <- matrix(0, 61, 61)
jacobi[cbind(1:60, 2:61)] <- off; jacobi[cbind(2:61, 1:60)] <- off
e <- eigen(jacobi, symmetric = TRUE)
nodes <- e$values; weights <- e$vectors[1, ]^2

chances <- function(model, a, b, theta) {                # b: locations; a row a theta, a column an answer
  if (model == "graded") {
    above <- cbind(1, sapply(b, function(x) plogis(a * (theta - x))), 0)
    return(above[, -ncol(above), drop = FALSE] - above[, -1, drop = FALSE])
  }
  odds <- exp(cbind(0, t(apply(matrix(sapply(b, function(x) a * (theta - x)), length(theta)), 1, cumsum))))
  odds / rowSums(odds)
}
item <- function(par, j) { p <- par[(j - 1) * m + 1:m]; list(a = p[1], b = p[-1]) }
chosen <- do.call(cbind, lapply(1:k, function(j) 1 * (!is.na(answers[, j]) & outer(answers[, j], 1:m, "=="))))
chosen[is.na(chosen)] <- 0
loglik <- function(par, model) {
  l <- lapply(1:k, function(j) { p <- item(par, j); t(chances(model, p$a, p$b, nodes)) })
  if (anyNA(unlist(l)) || min(unlist(l)) < 0) return(-1e10)
  joint <- chosen %*% log(pmax(do.call(rbind, l), 1e-300))
  sum(log(exp(joint) %*% weights))
}
wle <- function(x, par, model) {
  seen <- which(!is.na(x)); h <- 1e-4
  f <- function(t) {
    s <- i <- j2 <- 0
    for (j in seen) {
      p <- item(par, j)
      c3 <- chances(model, p$a, p$b, t + c(-h, 0, h))
      d1 <- (c3[3, ] - c3[1, ]) / (2 * h); d2 <- (c3[3, ] - 2 * c3[2, ] + c3[1, ]) / h^2
      s <- s + d1[x[j]] / c3[2, x[j]]; i <- i + sum(d1^2 / c3[2, ]); j2 <- j2 + sum(d1 * d2 / c3[2, ])
    }
    c(s + j2 / (2 * i), i)
  }
  root <- uniroot(function(t) f(t)[1], c(-8, 8), tol = 1e-9)$root
  c(root, 1 / sqrt(f(root)[2]))
}
eap <- function(x, par, model) {
  post <- weights
  for (j in which(!is.na(x))) { p <- item(par, j); post <- post * chances(model, p$a, p$b, nodes)[, x[j]] }
  post <- post / sum(post); mu <- sum(post * nodes)
  c(mu, sqrt(sum(post * (nodes - mu)^2)))
}
out <- list()
at <- c(1:12, which.min(rowSums(answers)), which.max(rowSums(answers)))
asked <- rbind(answers[at, ], rep(1, k), rep(5, k), c(5, rep(NA, k - 1)))
for (model in c("graded", "gpcm")) {
  par <- rep(c(1.3, if (model == "graded") c(-2.5, -1.5, -.5, 1) else c(-2, -1.5, -1, 1)), k)
  for (round in 1:2) par <- optim(par, function(p) -loglik(p, model), method = "BFGS",
                                  control = list(maxit = 500, reltol = 1e-13))$par
  hessian <- optimHess(par, function(p) -loglik(p, model), control = list(ndeps = rep(1e-4, length(par))))
  out[[model]] <- list(par = par, se = sqrt(diag(solve(hessian))), log_likelihood = loglik(par, model),
                       wle = t(apply(asked, 1, wle, par, model)), eap = t(apply(asked, 1, eap, par, model)))
}
out$asked <- asked
write_json(out, file.path(here, "irt_models.json"), digits = 10, auto_unbox = TRUE, na = "null")
