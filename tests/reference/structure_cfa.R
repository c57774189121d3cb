# Reference values for tests/scales/structure: lavaan on Holzinger and Swineford's data and on simulated answers.
# Run:  Rscript tests/reference/structure_cfa.R FOLDER_OF_REAL_DATA
# Writes structure_answers.csv (600 people, 18 items of 5 steps in 3 waves, drawn here) and structure_cfa.json.
suppressPackageStartupMessages({ library(lavaan); library(jsonlite) })
script <- sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE))
here <- dirname(normalizePath(script))
real <- commandArgs(TRUE)[1]

set.seed(20262)
n <- 600; k <- 18
strength <- rep(c(.8, .75, .7, .6, .55, .5), 3)
factor_of <- rep(1:3, each = 6)
between <- matrix(.5, 3, 3); diag(between) <- 1
arm <- rep(c("control", "offer"), each = n / 2)
school <- sample(c("A", "B", "C", "D", "E"), n, TRUE)
person <- matrix(rnorm(n * 3), n) %*% chol(between)
unique_part <- matrix(rnorm(n * k), n)
answers <- data.frame(arm = arm, school = school)
for (wave in 1:3) {
  trait <- sqrt(.7) * person + sqrt(.3) * matrix(rnorm(n * 3), n) %*% chol(between)
  trait <- trait + .15 * (wave - 1) * (arm == "offer")
  for (j in 1:k) {
    e <- sqrt(.4) * unique_part[, j] + sqrt(.6) * rnorm(n)
    y <- strength[j] * trait[, factor_of[j]] + sqrt(1 - strength[j]^2) * e
    if (j == 4) y <- y + .5 * (school %in% c("D", "E"))
    answers[[sprintf("w%d_q%02d", wave, j)]] <- findInterval(y, c(-1.8, -1.1, -.3, .7)) + 1L
  }
}
for (j in 1:k) answers[[sprintf("w1_q%02d", j)]][runif(n) < .08] <- NA
write.csv(answers, file.path(here, "structure_answers.csv"), row.names = FALSE, na = "", quote = FALSE)

described <- function(fit) {
  p <- parameterEstimates(fit, standardized = FALSE)
  s <- standardizedSolution(fit)
  group <- if (is.null(p$group)) rep(1, nrow(p)) else p$group
  keep <- p$op %in% c("=~", "~~", "~1", "|")
  s <- s[s$op %in% c("=~", "~~", "~1", "|"), ]
  list(fit = as.list(fitMeasures(fit)), estimates = list(
    key = paste0(p$lhs, p$op, p$rhs)[keep], group = group[keep], est = p$est[keep], se = p$se[keep],
    std = s$est.std, std_se = s$se))
}
run <- function(model, data, ...) {                # as exactly as the optimiser manages
  for (tolerance in c(1e-11, 1e-10)) {
    fit <- suppressWarnings(cfa(model, data = data, control = list(rel.tol = tolerance), ...))
    if (lavInspect(fit, "converged") && !is.na(suppressWarnings(fitMeasures(fit, "cfi")))) return(fit)
  }
  stop("no convergence")
}
steps <- list(configural = "", metric = "loadings", scalar = c("loadings", "intercepts"),
              strict = c("loadings", "intercepts", "residuals"))
ladder <- function(model, data, group, estimator = "ML", corrections = "satorra.bentler.2001", ...) {
  fits <- lapply(steps, function(e) run(model, data, group = group, group.equal = e, estimator = estimator, ...))
  compared <- lapply(corrections, function(how) {
    if (estimator == "ML") how <- "default"
    lapply(2:4, function(i) as.list(lavTestLRT(fits[[i - 1]], fits[[i]], method = how)[2, ]))
  })
  list(steps = lapply(fits, described), differences = compared)
}

hs <- read.csv(file.path(real, "holzinger_swineford", "HolzingerSwineford1939.csv"))
HS <- "visual =~ x1 + x2 + x3\ntextual =~ x4 + x5 + x6\nspeed =~ x7 + x8 + x9"
scalar <- run(HS, hs, group = "school", group.equal = steps$scalar)
one <- run(HS, hs)
hints <- modindices(one)
tests <- lavTestScore(scalar)$uni
out <- list(
  hs_ml = described(one),
  hs_means = described(run(paste0(HS, "\nx1 ~ 1"), hs)),
  hs_std_lv = described(run(HS, hs, std.lv = TRUE)),
  hs_mlr = described(run(HS, hs, estimator = "MLR")),
  hs_labels = described(run(paste0("visual =~ NA*x1 + a*x2 + a*x3\ntextual =~ x4 + x5 + x6\nspeed =~ x7 + x8 + 1.1*x9\n",
    "visual ~~ 1*visual\nvisual ~~ 0*speed\nx7 ~~ x8\nx1 ~~ b*x1\nx2 ~~ b*x2"), hs)),
  hs_ladder = ladder(HS, hs, "school"),
  hs_ladder_mlr = ladder(HS, hs, "school", "MLR", c("satorra.bentler.2001", "satorra.bentler.2010")),
  hs_partial = described(run(HS, hs, group = "school", group.equal = steps$scalar, group.partial = c("x3~1", "x7~1"))),
  hs_equal_means = described(run(HS, hs, group = "school", group.equal = c(steps$strict, "means"))),
  hs_scalar_std_lv = described(run(HS, hs, group = "school", group.equal = steps$scalar, std.lv = TRUE)),
  hs_modification = list(key = paste0(hints$lhs, hints$op, hints$rhs), mi = hints$mi, epc = hints$epc,
                         std = hints$sepc.all),
  hs_release = list(left = tests$lhs, x2 = tests$X2))

items <- function(wave, at = 1:18) sprintf("w%d_q%02d", wave, at)
three <- function(wave) paste(sapply(1:3, function(f)
  paste0("f", f, " =~ ", paste(items(wave, 6 * (f - 1) + 1:6), collapse = " + "))), collapse = "\n")
out$sim_ml <- described(run(three(2), answers))
out$sim_mlr <- described(run(three(2), answers, estimator = "MLR"))
out$sim_listwise <- described(run(three(1), answers))
out$sim_arms <- ladder(three(2), answers, "arm")
out$sim_schools <- ladder(three(2), answers, "school")
out$sim_schools_mlr <- described(run(three(2), answers, group = "school", group.equal = steps$scalar,
                                     estimator = "MLR"))
five <- run(three(2), answers, group = "school", group.equal = steps$scalar)
pt <- parTable(five)
first <- pt$plabel[pt$op == "~1" & pt$lhs == "w2_q04" & pt$group == 1]
out$sim_schools_release_q04 <- lavTestScore(five, release = which(pt$lhs[pt$op == "=="] == first))$test$X2
out$sim_fiml <- described(run(three(1), answers, missing = "fiml"))
out$sim_fiml_mlr <- described(run(three(1), answers, missing = "fiml", estimator = "MLR"))
fiml_arms <- run(three(1), answers, missing = "fiml", group = "arm", group.equal = steps$scalar)
out$sim_fiml_arms <- described(fiml_arms)
saturated <- lavInspect(run(three(1), answers, missing = "fiml"), "sampstat")
out$sim_moments <- list(mean = as.numeric(saturated$mean), cov = unname(unclass(saturated$cov)))

# The same six items in three waves: equal loadings, then intercepts, then residual variances, across waves.
over_time <- function(step) {
  a <- if (step > 1) paste0("a", 1:6, "*") else rep("", 6)
  lines <- character()
  for (w in 1:3) {
    lines <- c(lines, paste0("t", w, " =~ ", paste0(c("1*", a[-1]), items(w, 1:6), collapse = " + ")))
    if (step > 2) lines <- c(lines, paste0(items(w, 1:6), " ~ b", 1:6, "*1"))
    if (step > 2 && w > 1) lines <- c(lines, paste0("t", w, " ~ NA*1"))
    if (step > 3) lines <- c(lines, paste0(items(w, 1:6), " ~~ c", 1:6, "*", items(w, 1:6)))
  }
  for (pair in list(c(1, 2), c(1, 3), c(2, 3)))
    lines <- c(lines, paste(items(pair[1], 1:6), "~~", items(pair[2], 1:6)))
  paste(lines, collapse = "\n")
}
out$sim_waves <- lapply(1:4, function(s) described(run(over_time(s), answers, meanstructure = TRUE)))
out$sim_waves_fiml <- lapply(c(1, 3), function(s) described(run(over_time(s), answers, missing = "fiml")))
out$versions <- list(R = as.character(getRversion()), lavaan = as.character(packageVersion("lavaan")))
write_json(out, file.path(here, "structure_cfa.json"), digits = 12, auto_unbox = TRUE, na = "null")
