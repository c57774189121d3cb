"""A reproducible study template and toolkit for evaluating school-belonging programmes."""
