# Reference values for tests/effects/test_multilevel.py, test_variance.py: lme4, lmerTest and numDeriv.
# Usage: Rscript multilevel_models.R FOLDER_OF_REAL_DATA > multilevel_models.json
# FOLDER_OF_REAL_DATA holds high_school_beyond/MathAchieve.csv (nlme) and london_schools/Exam.csv (mlmRev).
suppressMessages({library(lme4); library(lmerTest); library(jsonlite)})
folder <- commandArgs(TRUE)[1]
tight <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhobeg = 0.1, rhoend = 1e-9, maxfun = 1e5),
                     check.conv.singular = "ignore", calc.derivs = FALSE)

# Deterministic "random" numbers that Python builds in the same way.
draw <- function(i, k) {
  x <- abs(sin(i * 12.9898 + k * 78.233)) * 43758.5453
  qnorm(pmin(pmax(x - floor(x), 1e-9), 1 - 1e-9))
}

panel <- function(schools, classes, students, tau_change, tau_school) {
  d <- expand.grid(wave = 0:2, student = 0:(students - 1), class = 0:(classes - 1), school = 0:(schools - 1))
  d$klass <- d$school * classes + d$class
  d$unit <- d$klass * students + d$student
  d$row <- d$unit * 3 + d$wave
  d$treat <- d$school %% 2
  d$post <- as.numeric(d$wave > 0)
  d$sex <- ifelse(draw(d$unit + 1, 7) > 0.1, "girl", "boy")
  d$x <- draw(d$unit + 1, 8)
  d$y <- 3 + 0.1 * d$wave + 0.2 * d$treat * d$post + 0.15 * d$x + 0.1 * (d$sex == "girl") * d$post * d$treat +
    tau_school * draw(d$school + 1, 1) + tau_change * d$post * draw(d$school + 1, 2) +
    0.2 * draw(d$klass + 1, 3) + 0.6 * draw(d$unit + 1, 4) + 0.5 * draw(d$row + 1, 5)
  d$waves <- factor(d$wave)
  d
}

describe <- function(m, contrasts = NULL) {
  s <- coef(summary(m))
  vc <- as.data.frame(VarCorr(m))
  out <- list(
    formula = paste(deparse(formula(m), width.cutoff = 500), collapse = ""), reml = isREML(m), n_rows = nobs(m),
    log_likelihood = as.numeric(logLik(m)), singular = isSingular(m),
    table = data.frame(term = rownames(s), estimate = s[, "Estimate"], std_error = s[, "Std. Error"], df = s[, "df"],
                       statistic = s[, "t value"], p_value = s[, "Pr(>|t|)"], row.names = NULL),
    variances = data.frame(group = vc$grp, term = vc$var1, term2 = vc$var2, value = vc$vcov, sdcor = vc$sdcor))
  if (!is.null(contrasts)) {
    L <- t(sapply(contrasts, function(w) { v <- setNames(numeric(nrow(s)), rownames(s)); v[names(w)] <- unlist(w); v }))
    ct <- contest(m, L, joint = FALSE, confint = TRUE)
    out$contrasts <- data.frame(contrast = names(contrasts), estimate = ct$Estimate, std_error = ct$`Std. Error`,
                                df = ct$df, p_value = ct$`Pr(>|t|)`, conf_low = ct$lower, conf_high = ct$upper)
  }
  out
}

effects_of <- function(m, group) {
  r <- ranef(m, condVar = TRUE)[[group]]
  pv <- attr(r, "postVar")
  k <- ncol(r)
  data.frame(level = rownames(r), as.list(setNames(r, paste0("effect", 1:k))),
             as.list(setNames(lapply(1:k, function(j) sqrt(pv[j, j, ])), paste0("sd", 1:k))))
}

# Delta method on the logit of a share of variance, from the Hessian of lme4's own deviance function.
share_interval <- function(m, share) {
  devfun <- update(m, devFunOnly = TRUE)
  theta <- getME(m, "theta")
  cov <- 2 * solve(numDeriv::hessian(devfun, theta))
  logit <- function(t) qlogis(share(t))
  g <- numDeriv::grad(logit, theta)
  se <- sqrt(drop(t(g) %*% cov %*% g))
  list(share = share(theta), low = plogis(logit(theta) - qnorm(.975) * se), high = plogis(logit(theta) + qnorm(.975) * se))
}

p <- panel(24, 3, 15, 0.25, 0.3)
single <- panel(8, 2, 10, 0, 0)
default <- lmer(y ~ treat * post + (1 + post | school) + (1 | klass) + (1 | unit), p, control = tight)
default_ml <- update(default, REML = FALSE)
grouped <- lmer(y ~ treat * sex + waves * sex + treat:post + treat:post:sex + x + (1 + post | school) + (1 | klass) + (1 | unit),
                p, control = tight)
independent <- lmer(y ~ treat * post + (1 + post || school) + (1 | unit), p, control = tight)
flat <- lmer(y ~ treat * post + (1 + post | school) + (1 | unit), single, control = tight)
empty <- lmer(y ~ 1 + (1 | school) + (1 | klass) + (1 | unit), p, control = tight)

hsb <- read.csv(file.path(folder, "high_school_beyond", "MathAchieve.csv"), colClasses = c(School = "character"))
hsb$ses_centred <- hsb$SES - ave(hsb$SES, hsb$School)
exam <- read.csv(file.path(folder, "london_schools", "Exam.csv"))

one <- p[p$wave == 0, ]
short <- one[!(one$klass %% 5 == 0 & one$student > 6), ]
anova_icc <- function(y, g) {
  a <- anova(lm(y ~ factor(g)))
  n <- table(g)
  n0 <- (sum(n) - sum(n^2) / sum(n)) / (length(n) - 1)
  f <- a$`F value`[1]
  fl <- f / qf(.975, a$Df[1], a$Df[2]); fu <- f / qf(.025, a$Df[1], a$Df[2])
  list(n0 = n0, icc = (f - 1) / (f + n0 - 1), icc2 = (f - 1) / f, low = (fl - 1) / (fl + n0 - 1), high = (fu - 1) / (fu + n0 - 1))
}

result <- list(
  made_with = list(R = as.character(getRversion()), lme4 = as.character(packageVersion("lme4")),
                   lmerTest = as.character(packageVersion("lmerTest"))),
  panel_check = list(first = p$y[1:5], sum = sum(p$y), girls = sum(p$sex == "girl")),
  models = list(
    default = describe(default, list(effect = list("treat:post" = 1), after = list(treat = 1, "treat:post" = 1),
                                     mean_change = list(post = 1, "treat:post" = 0.5))),
    default_ml = describe(default_ml, list(after = list(treat = 1, "treat:post" = 1))),
    grouped = describe(grouped, list(boy = list("treat:post" = 1), girl = list("treat:post" = 1, "treat:sexgirl:post" = 1),
                                     "girl - boy" = list("treat:sexgirl:post" = 1))),
    independent = describe(independent),
    singular = describe(flat),
    empty = describe(empty),
    hsb_null = describe(lmer(MathAch ~ 1 + (1 | School), hsb, control = tight)),
    hsb_meanses = describe(lmer(MathAch ~ MEANSES + (1 | School), hsb, control = tight)),
    hsb_slope = describe(lmer(MathAch ~ ses_centred + (1 + ses_centred | School), hsb, control = tight)),
    london_ml = describe(lmer(normexam ~ standLRT + (1 | school), exam, REML = FALSE, control = tight)),
    london_slope = describe(lmer(normexam ~ standLRT + sex + (1 + standLRT | school), exam, control = tight))),
  school_effects = effects_of(default, "school"),
  class_effects = effects_of(default, "klass"),
  shares = list(
    school = share_interval(empty, function(t) t[3]^2 / (sum(t^2) + 1)),
    klass = share_interval(empty, function(t) (t[3]^2 + t[2]^2) / (sum(t^2) + 1)),
    unit = share_interval(empty, function(t) sum(t^2) / (sum(t^2) + 1)),
    theta_names = names(getME(empty, "theta"))),
  anova = list(balanced = anova_icc(one$y, one$school), unbalanced = anova_icc(short$y, short$klass)))
cat(toJSON(result, digits = NA, auto_unbox = TRUE, pretty = 1, dataframe = "columns"))
