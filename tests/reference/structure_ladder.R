# Reference values for tests/scales/structure: the ladder of ordered answers by Wu and Estabrook (2016), by semTools.
# Run:  Rscript tests/reference/structure_ladder.R
# Writes structure_ladder_answers.csv (1,500 people, 18 items of 4 steps, drawn here; in five schools and two arms) and
# structure_ladder.json; for `two`, `three` and `mixed`, answers of the first six items are joined here.
suppressPackageStartupMessages({ library(lavaan); library(semTools); library(jsonlite) })
script <- sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE))
here <- dirname(normalizePath(script))
set.seed(20268)
n <- 1500; k <- 18
between <- matrix(.5, 3, 3); diag(between) <- 1
school <- rep(c("A", "B", "C", "D", "E"), each = n / 5)
arm <- rep(c("control", "offer"), n / 2)
trait <- matrix(rnorm(3 * n), n) %*% chol(between) + .3 * (arm == "offer")
strength <- rep(c(.8, .75, .7, .6, .55, .5), 3)
answers <- data.frame(arm = arm, school = school)
for (j in 1:k) {
  slope <- strength[j] - .2 * (j == 3 & arm == "offer")
  y <- slope * trait[, (j - 1) %/% 6 + 1] + sqrt(1 - strength[j]^2) * rnorm(n)
  if (j == 4) y <- y + .4 * (school %in% c("D", "E"))
  answers[[sprintf("q%02d", j)]] <- findInterval(y, c(-1.2, -.3, .6)) + 1L
}
write.csv(answers, file.path(here, "structure_ladder_answers.csv"), row.names = FALSE, quote = FALSE)
items <- sprintf("q%02d", 1:k)
three <- paste(sapply(1:3, function(f)
  paste0("f", f, " =~ ", paste(items[6 * (f - 1) + 1:6], collapse = " + "))), collapse = "\n")
one <- paste("f =~", paste(items[1:6], collapse = " + "))
steps <- list(configural = character(), thresholds = "thresholds", metric = c("thresholds", "loadings"),
              scalar = c("thresholds", "loadings", "intercepts"),
              strict = c("thresholds", "loadings", "intercepts", "residuals"))
ladder <- function(model, data, group, used) {
  fits <- lapply(names(steps), function(s) {
    how <- if (s == "strict") "theta" else "delta"
    syntax <- as.character(measEq.syntax(model, data = data, ordered = used, parameterization = how, ID.fac = "std.lv",
      ID.cat = "Wu.Estabrook.2016", group = group, group.equal = if (length(steps[[s]])) steps[[s]] else ""))
    fit <- suppressWarnings(cfa(syntax, data = data, ordered = used, group = group, parameterization = how,
                                estimator = "WLSMV"))
    cat(s, lavInspect(fit, "converged"), fitMeasures(fit, c("chisq.scaled", "df")), "\n")
    fit
  })
  names(fits) <- names(steps)
  described <- lapply(fits, function(fit) as.list(fitMeasures(fit)))
  compared <- lapply(2:5, function(i) if (described[[i]]$df == described[[i - 1]]$df) NULL else
    tryCatch(as.list(suppressWarnings(lavTestLRT(fits[[i - 1]], fits[[i]]))[2, ]), error = function(e) NULL))
  list(steps = described, differences = compared)
}
out <- list(arms_one = ladder(one, answers, "arm", items[1:6]))
for (cut in 1:3) {          # few categories: two in all items, three in all, and a mixture
  few <- answers
  for (j in 1:6) few[[items[j]]] <- c(function(x) 1L + (x > 2), function(x) pmin(x, 3L),
    function(x) if (j <= 2) 1L + (x > 2) else if (j <= 4) pmin(x, 3L) else x)[[cut]](few[[items[j]]])
  out[[c("two", "three", "mixed")[cut]]] <- ladder(one, few, "arm", items[1:6])
}
out$arms <- ladder(three, answers, "arm", items)
write_json(out, file.path(here, "structure_ladder.json"), digits = 12, auto_unbox = TRUE, na = "null")
out$schools <- ladder(three, answers, "school", items)
out$versions <- list(R = as.character(getRversion()), lavaan = as.character(packageVersion("lavaan")),
                     semTools = as.character(packageVersion("semTools")))
write_json(out, file.path(here, "structure_ladder.json"), digits = 12, auto_unbox = TRUE, na = "null")
