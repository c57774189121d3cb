# Reference values for tests/scales/exploratory: psych and GPArotation, and base R for the tighter figures.
# Run:  Rscript tests/reference/exploratory.R FOLDER_OF_REAL_DATA
# Writes exploratory_answers.csv (data drawn here) and exploratory.json beside this script.
suppressPackageStartupMessages({ library(psych); library(GPArotation); library(jsonlite) })
script <- sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE))
here <- dirname(normalizePath(script))
real <- commandArgs(TRUE)[1]

set.seed(20264)
n <- 600
general <- rnorm(n)
groups <- matrix(rnorm(n * 3), n)
own <- rep(1:3, each = 6)
on_general <- rep(c(.65, .55, .5, .6, .45, .4), 3)
on_group <- rep(c(.3, .45, .5, .25, .55, .4), 3)
latent <- sapply(1:18, function(i)
  on_general[i] * general + on_group[i] * groups[, own[i]] + rnorm(n, 0, sqrt(1 - on_general[i]^2 - on_group[i]^2)))
answers <- as.data.frame(apply(latent, 2, function(y) findInterval(y, c(-1.8, -1, -.2, .8)) + 1))
names(answers) <- sprintf("q%02d", 1:18)
write.csv(answers, file.path(here, "exploratory_answers.csv"), row.names = FALSE)

# Minimum residuals to base R's full precision: psych stops its own search early.
minres <- function(r, k) {
  value <- function(u) { e <- eigen(r - diag(u), symmetric = TRUE)$values; sum(e[-(1:k)]^2) / 2 }
  slope <- function(u) {
    e <- eigen(r - diag(u), symmetric = TRUE)
    -drop(e$vectors[, -(1:k)]^2 %*% e$values[-(1:k)])
  }
  u <- optim(1 / diag(solve(r)), value, slope, method = "L-BFGS-B", lower = .005, upper = 1,
             control = list(factr = 10, pgtol = 0, maxit = 5000))$par
  e <- eigen(r - diag(u), symmetric = TRUE)
  list(loadings = e$vectors[, 1:k] %*% diag(sqrt(e$values[1:k]), k), uniquenesses = u)
}
rows <- function(m) unname(as.matrix(unclass(m)))

reference <- function(x, k) {
  r <- cor(x)
  ml <- fa(r, k, n.obs = nrow(x), fm = "ml", rotate = "oblimin")
  # psych stops its search at about five digits; base R's can be told to go on.
  bare <- factanal(covmat = r, factors = k, n.obs = nrow(x), rotation = "none",
                   control = list(opt = list(factr = 10, pgtol = 0)))
  tight <- oblimin(loadings(bare), eps = 1e-8, maxit = 5000)
  turned <- varimax(loadings(bare), eps = 1e-14)
  least <- minres(r, k)
  psych_least <- fa(r, k, n.obs = nrow(x), fm = "minres", rotate = "none")
  list(n = nrow(x), ml_oblimin = rows(ml$loadings), ml_phi = rows(ml$Phi), communality = unname(ml$communality),
       ss_loadings = unname(ml$Vaccounted["SS loadings", ]), chi2 = ml$STATISTIC, df = ml$dof, p_value = ml$PVAL,
       rmsea = unname(ml$RMSEA[1]), rms = ml$rms, tight_oblimin = rows(tight$loadings), tight_phi = rows(tight$Phi),
       varimax = rows(turned$loadings), minres_uniquenesses = least$uniquenesses,
       psych_minres_uniquenesses = unname(psych_least$uniquenesses),
       factanal_uniquenesses = unname(bare$uniquenesses))
}

# Mean eigenvalues of pure noise, from R's own draws, with their Monte Carlo standard errors.
noise <- function(n, p, draws) {
  one <- function(i) {
    r <- cor(matrix(rnorm(n * p), n))
    axis <- r; diag(axis) <- smc(r)
    c(eigen(r, symmetric = TRUE, only.values = TRUE)$values, eigen(axis, symmetric = TRUE, only.values = TRUE)$values)
  }
  e <- sapply(1:draws, one)
  list(components = rowMeans(e)[1:p], axis = rowMeans(e)[-(1:p)], components_se = apply(e, 1, sd)[1:p] / sqrt(draws),
       axis_se = apply(e, 1, sd)[-(1:p)] / sqrt(draws), components_95 = apply(e, 1, quantile, .95)[1:p],
       axis_95 = apply(e, 1, quantile, .95)[-(1:p)])
}

hs <- read.csv(file.path(real, "holzinger_swineford", "HolzingerSwineford1939.csv"))[, paste0("x", 1:9)]
set.seed(5)
parallel <- fa.parallel(answers, fa = "both", SMC = TRUE, n.iter = 400, plot = FALSE, sim = TRUE, quant = .95)
out <- list(
  holzinger = reference(hs, 3), answers = reference(answers, 3), answers_two = reference(answers, 2),
  noise = noise(600, 18, 4000),
  fa_parallel = list(components = parallel$pc.values, components_mean = parallel$pc.sim, axis = parallel$fa.values,
                     n_components = parallel$ncomp),
  polychoric = {
    rho <- suppressWarnings(polychoric(answers, correct = 0))$rho
    list(eigenvalues = eigen(rho)$values, minres_uniquenesses = minres(rho, 3)$uniquenesses)
  },
  versions = list(R = as.character(getRversion()), psych = as.character(packageVersion("psych")),
                  GPArotation = as.character(packageVersion("GPArotation"))))
write_json(out, file.path(here, "exploratory.json"), digits = 17, auto_unbox = TRUE)
