# Reference values for tests/scales/structure: the ladder of ordered answers over waves, by semTools and lavaan.
# Run after structure_cfa.R:  Rscript tests/reference/structure_ladder_waves.R
# Reads structure_answers.csv and writes structure_ladder_waves.json.
suppressPackageStartupMessages({ library(lavaan); library(semTools); library(jsonlite) })
script <- sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE))
here <- dirname(normalizePath(script))
answers <- read.csv(file.path(here, "structure_answers.csv"))
items <- function(wave, k) sprintf("w%d_q%02d", wave, 1:k)
steps <- list(configural = character(), thresholds = "thresholds", metric = c("thresholds", "loadings"),
              scalar = c("thresholds", "loadings", "intercepts"),
              strict = c("thresholds", "loadings", "intercepts", "residuals"))
ladder <- function(waves, k) {
  model <- paste(sapply(waves, function(w) paste0("t", w, " =~ ", paste(items(w, k), collapse = " + "))),
                 collapse = "\n")
  used <- unlist(lapply(waves, items, k = k))
  same <- setNames(lapply(1:k, function(i) sprintf("w%d_q%02d", waves, i)), paste0("q", 1:k))
  complete <- answers[rowSums(is.na(answers[used])) == 0, used]
  fits <- lapply(names(steps), function(s) {
    how <- if (s == "strict") "theta" else "delta"
    syntax <- as.character(measEq.syntax(model, data = complete, ordered = used, parameterization = how,
      ID.fac = "std.lv", ID.cat = "Wu.Estabrook.2016", longFacNames = list(t = paste0("t", waves)),
      longIndNames = same, long.equal = if (length(steps[[s]])) steps[[s]] else "", auto = "all"))
    fit <- suppressWarnings(cfa(syntax, data = complete, ordered = used, parameterization = how, estimator = "WLSMV"))
    cat(s, lavInspect(fit, "converged"), fitMeasures(fit, c("chisq.scaled", "df")), "\n")
    fit
  })
  described <- lapply(setNames(fits, names(steps)), function(fit) as.list(fitMeasures(fit)))
  list(n = nrow(complete), steps = described, differences = lapply(2:5, function(i)
    as.list(suppressWarnings(lavTestLRT(fits[[i - 1]], fits[[i]]))[2, ])))
}
out <- list(two = ladder(2:3, 6), three = ladder(1:3, 4),
            versions = list(R = as.character(getRversion()), lavaan = as.character(packageVersion("lavaan")),
                            semTools = as.character(packageVersion("semTools"))))
write_json(out, file.path(here, "structure_ladder_waves.json"), digits = 12, auto_unbox = TRUE, na = "null")
