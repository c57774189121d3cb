# Reference values for tests/scales/fairness: what items that differ between groups do to the mean score.
# Estimates and their covariance by lavaan; the formulas of bias, adjusted difference and dMACS written out here, with
# numerical derivatives for the standard errors.
# Run after structure_cfa.R:  Rscript tests/reference/fairness_partial.R
# Reads structure_answers.csv and writes fairness_partial.json.
suppressPackageStartupMessages({ library(lavaan); library(jsonlite) })
script <- sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE))
here <- dirname(normalizePath(script))
answers <- read.csv(file.path(here, "structure_answers.csv"))
items <- function(wave, at = 1:18) sprintf("w%d_q%02d", wave, at)
three <- function(wave) paste(sapply(1:3, function(f)
  paste0("f", f, " =~ ", paste(items(wave, 6 * (f - 1) + 1:6), collapse = " + "))), collapse = "\n")
run <- function(model, ...) {                      # as exactly as the optimiser manages: to about 1e-5
  for (tolerance in c(1e-13, 1e-12, 1e-11, 1e-10)) {
    fit <- suppressWarnings(cfa(model, data = answers, group.equal = c("loadings", "intercepts"),
                                control = list(rel.tol = tolerance, eval.max = 5000, iter.max = 5000), ...))
    if (lavInspect(fit, "converged")) return(fit)
  }
  stop("no convergence")
}
matrices_at <- function(fit, theta) {
  moved <- lav_model_set_parameters(fit@Model, theta)
  at <- moved@GLIST; per <- length(at) / lavInspect(fit, "ngroups")
  lapply(seq_len(lavInspect(fit, "ngroups")), function(g) at[per * (g - 1) + 1:per])
}
quantities <- function(fit, theta, focal, reference, score) {
  m <- matrices_at(fit, theta)
  f <- m[[focal]]; r <- m[[reference]]
  own <- f$nu + f$lambda %*% f$alpha
  theirs <- r$nu + r$lambda %*% f$alpha
  at_reference <- r$nu + r$lambda %*% r$alpha
  c(bias = mean((own - theirs)[score]), adjusted = mean((theirs - at_reference)[score]), item = (own - theirs)[score])
}
described <- function(fit, score, reference) {
  labels <- lavInspect(fit, "group.label")
  names_all <- lavNames(fit, "ov")
  score_at <- match(score, names_all)
  theta <- lav_model_get_parameters(fit@Model)
  # With equality constraints lavaan's covariance is of all parameters, so that the derivatives are too.
  covariance <- unclass(vcov(fit))
  observed <- lavInspect(fit, "data")
  r <- match(reference, labels)
  lapply(setdiff(seq_along(labels), r), function(g) {
    value <- quantities(fit, theta, g, r, score_at)
    jacobian <- sapply(seq_along(theta), function(i) {
      h <- 1e-5; up <- down <- theta
      up[i] <- up[i] + h; down[i] <- down[i] - h
      (quantities(fit, up, g, r, score_at) - quantities(fit, down, g, r, score_at)) / (2 * h)
    })
    error <- sqrt(pmax(diag(jacobian %*% covariance %*% t(jacobian)), 0))
    m <- matrices_at(fit, theta)
    slope <- (m[[g]]$lambda - m[[r]]$lambda)[score_at, ]
    gap <- (m[[g]]$nu - m[[r]]$nu)[score_at]
    size <- c(nrow(observed[[g]]), nrow(observed[[r]]))
    sds <- sapply(list(observed[[g]], observed[[r]]), function(x) apply(x[, score_at], 2, sd, na.rm = TRUE))
    pooled <- as.numeric(sds %*% (size - 1)) / sum(size - 1)
    # dMACS by quadrature on the one factor that an item has.
    factor_of <- apply(m[[r]]$lambda[score_at, ] != 0, 1, which)
    d <- sapply(seq_along(score_at), function(i) {
      k <- factor_of[i]
      centre <- m[[g]]$alpha[k]; spread <- sqrt(m[[g]]$psi[k, k])
      squared <- integrate(function(x) (gap[i] + slope[i, k] * x)^2 * dnorm(x, centre, spread),
                           centre - 12 * spread, centre + 12 * spread, rel.tol = 1e-12)$value
      c(sqrt(squared), gap[i] + slope[i, k] * centre) / pooled[i]
    })
    scores <- lapply(observed, function(x) rowMeans(x[, score_at]))
    raw <- mean(scores[[g]]) - mean(scores[[r]])
    list(group = labels[g], bias = value[["bias"]], bias_error = error[[1]], adjusted = value[["adjusted"]],
         adjusted_error = error[[2]], item = unname(value[-(1:2)]), item_error = unname(error[-(1:2)]),
         dmacs = d[1, ], signed = d[2, ], raw = raw,
         raw_error = sqrt(var(scores[[g]]) / size[1] + var(scores[[r]]) / size[2]),
         sd = sqrt(sum((size - 1) * c(var(scores[[g]]), var(scores[[r]]))) / sum(size - 1)))
  })
}
free <- c("w2_q04~1", "f2=~w2_q08", "w2_q08~1")
schools <- run(three(2), group = "school", group.partial = free)
robust <- run(three(2), group = "arm", group.partial = free, estimator = "MLR")
missing <- run(three(1), group = "arm", group.partial = gsub("w2", "w1", free), missing = "fiml")
out <- list(
  schools = described(schools, items(2), lavInspect(schools, "group.label")[1]),
  schools_d = described(schools, items(2, 3:9), "D"),
  arms_mlr = described(robust, items(2), "control"),
  arms_fiml = described(missing, items(1), "control"),
  versions = list(R = as.character(getRversion()), lavaan = as.character(packageVersion("lavaan"))))
# Maximum-likelihood means with missing answers: saturated model, one group at a time.
saturated <- lapply(c("control", "offer"), function(a) {
  own <- answers[answers$arm == a, items(1)]
  fit <- suppressWarnings(lavCor(own, output = "fit", missing = "fiml", se = "standard",
                                 control = list(rel.tol = 1e-12)))
  estimates <- parameterEstimates(fit); keep <- estimates$op == "~1"
  w <- rep(1 / 18, 18)
  list(mean = sum(w * estimates$est[keep]), error = sqrt(as.numeric(w %*% vcov(fit)[
    grepl("~1", colnames(vcov(fit))), grepl("~1", colnames(vcov(fit)))] %*% w)))
})
out$fiml_raw <- list(raw = saturated[[2]]$mean - saturated[[1]]$mean,
                     error = sqrt(saturated[[1]]$error^2 + saturated[[2]]$error^2))
write_json(out, file.path(here, "fairness_partial.json"), digits = 12, auto_unbox = TRUE, na = "null")
