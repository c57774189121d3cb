# Makes effects_real.json: clubSandwich's answers on two data sets it ships.
# Run in this folder: Rscript effects_real.R
library(clubSandwich)
one <- function(fit, cl, coefs) {
  cr2 <- vcovCR(fit, cl, type = "CR2")
  t <- coef_test(fit, vcov = cr2, test = "Satterthwaite", coefs = coefs)
  list(estimate = unname(coef(fit)[coefs]), cr2 = unname(sqrt(diag(as.matrix(cr2))[coefs])), df = t$df_Satt, p = t$p_Satt)
}
data(MortalityRates)
mv <- subset(MortalityRates, cause == "Motor Vehicle" & year <= 1983 & !is.na(beertaxa))
m <- lm(mrate ~ legal + beertaxa + factor(state) + factor(year), mv)
res <- list(mortality = one(m, mv$state, c("legal", "beertaxa")))
res$mortality$n <- nrow(mv)
data(AchievementAwardsRCT)
a <- AchievementAwardsRCT
a$now <- as.integer(a$treated == 1 & a$year %in% c("2001", "2002"))
m <- lm(Bagrut_status ~ now + factor(school_id) + factor(year), a)
res$awards <- one(m, a$school_id, "now")
res$awards$n <- nrow(a)
res$awards$schools <- length(unique(a$school_id))
jsonlite::write_json(res, "effects_real.json", digits = 14, auto_unbox = TRUE, pretty = TRUE)
