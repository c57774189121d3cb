"""The methods section of a report: what was done and by whose method, for this study's design alone."""

from __future__ import annotations

from collections.abc import Iterator

from belonging_study.reports.formatting import count, inside, listed, number
from belonging_study.reports.methods_data import linking_sentences, records_sentences
from belonging_study.reports.methods_measurement import fairness_methods, structure_methods
from belonging_study.study.model import Start, Study, Wave

__all__ = ["methods_text"]

_UNITS = {"school": "schools", "class": "classes", "student": "students"}


def methods_text(study: Study, wave: Wave) -> str:
    """Describe the methods of a wave's report.

    Parameters
    ----------
    study : Study
        The definition; only what its design uses is described.
    wave : Wave
        The wave of the report. Before the programme there is no estimate to describe.

    Returns
    -------
    str
        Markdown: short paragraphs, each with a heading in bold and its sources by author and year.

    Examples
    --------
    >>> study = Study.model_validate({
    ...     "title": "T", "name": "t", "programme": {"name": "P"},
    ...     "waves": [{"name": "w1", "label": "Baseline", "date": "2024-10-07", "before_programme": True,
    ...                "sources": [{"file": "a.csv"}]}],
    ...     "design": {"assignment": {"starts": "w2"}}, "outcomes": [{"name": "y", "measure": "y", "label": "Y"}]})
    >>> [p.split("**")[1] for p in methods_text(study, study.waves[0]).split(chr(10) * 2)]
    ['Sample.', 'Privacy.']
    """
    paragraphs = [
        ("Sample", _sample(study, wave)),
        ("Links by the students’ own codes", linking_sentences(study)),
        ("School records", records_sentences(study, wave)),
        ("Scores and reliability", _scores(study, wave)),
        ("Factor models", structure_methods(study, wave)),
        ("Sameness of measurement", fairness_methods(study, wave)),
    ]
    if study.measures_only:
        pass
    elif not wave.before_programme and study.design.assignment.comparison is None:
        paragraphs += [
            ("Changes", _changes(study, wave)),
            ("Uncertainty", _change_inference(study)),
            ("Effect sizes", _change_sizes(study, wave)),
            ("Several tests", _multiplicity(study, wave)),
            ("Multilevel models", _multilevel(study, wave)),
        ]
    elif not wave.before_programme:
        paragraphs += [
            ("Effects", _effects(study, wave)),
            ("Waves before the programme", _event_study(study, wave)),
            ("Uncertainty", _inference(study, wave)),
            ("Effect sizes", _effect_sizes(study, wave)),
            ("Several tests", _multiplicity(study, wave)),
            ("Multilevel models", _multilevel(study, wave)),
            ("The arms before the programme, and attrition", _standards(study)),
        ]
    paragraphs.append(("Privacy", _privacy(study)))
    written = [(title, " ".join(said)) for title, said in paragraphs]
    return "\n\n".join(f"**{title}.** {text}" for title, text in written if text)


def _one_period(study: Study) -> bool:
    """Whether arms are compared within a wave, because no wave precedes the programme."""
    return not study.waves_before and not _staggered(study)


def _staggered(study: Study) -> bool:
    return isinstance(study.design.assignment.starts, Start)


def _sample(study: Study, wave: Wave) -> Iterator[str]:
    """Who is in, who is out, and in which arm they count."""
    asked = any(source.kind == "survey" for source in wave.sources)
    kinds = {source.kind for source in wave.sources}
    has_roster = bool(kinds & {"roster", "enrolment"})
    base = "the survey" if asked else "the records"
    if has_roster:
        base = "the roster" if "roster" in kinds else "the enrolment records"
    place = "an arm and a place" if study.design.assignment.comparison is not None else "a place"
    placed = "" if study.design.school is None else f" with {place} in the design"
    rules = [rule for rule in study.exclusions if not rule.waves or wave.name in rule.waves]
    if rules:
        out = listed([f"“{rule.label}”" for rule in rules], "or")
        yield f"The sample is every student in {base} of the wave, less those whom a rule takes out: {out}."
    else:
        yield f"The sample is every student in {base} of the wave{placed}."
    if asked:
        if has_roster:
            yield "Responses are linked by the student’s identifier; students without a response stay in the sample."
        unfinished = "are kept" if study.responses.unfinished == "keep" else "are left out"
        known = study.design.student is not None and not study.design.linking
        repeated = f"; {_duplicates(study)}" if known else ""
        yield f"Unfinished responses {unfinished}{repeated}."
        if study.design.student is None:
            yield "The files have no identifier of students, so each row counts as a student of its own."
    if study.design.assignment.by_wave:
        yield "A student’s arm is read anew in each wave, so effects are of the arm in which the student then was."
    elif study.design.panel and study.design.assignment.comparison is None and not study.measures_only:
        yield "Students count in the place where they were first, wherever they went."
    elif study.design.panel and not study.measures_only:
        yield "Students count in the arm and the place where they were first, wherever they went (intention to treat)."
    if study.outcomes:
        yield "Missing outcomes are not filled in: a student without one is left out of its estimate and counted."


def _duplicates(study: Study) -> str:
    return {
        "error": "two responses of one student would have stopped the analysis",
        "first": "of several responses of one student the first counts",
        "last": "of several responses of one student the last counts",
        "most_complete": "of several responses of one student the one with most answers counts, the earliest of equals",
    }[study.responses.duplicates]


def _scores(study: Study, wave: Wave) -> Iterator[str]:
    """From items to scores, and how far they can be trusted."""
    scales = study.scales_in(wave.name)
    if not scales:
        return
    if any(scale.reverse for scale in scales.values()):
        yield "Items worded the other way round are reversed (lowest plus highest answer, less the answer)."
    shares = sorted({scale.minimum_answered for scale in scales.values()})
    least = listed([f"{number(100 * s, 0)}%" for s in shares], "or")
    kinds = {scale.score for scale in scales.values()}
    ways = {
        "mean": "the mean of the items that a student answered",
        "sum": "the mean of the answered items times the number of items (a prorated sum)",
        "percent_of_maximum": "the mean of the answered items in percent of the maximum possible, 0 for the form’s "
        "lowest and 100 for its highest answer (Cohen et al. 1999)",
    }
    score = listed([way for kind, way in ways.items() if kind in kinds], "or, depending on the scale,")
    by_scale = "" if len(shares) == 1 else ", depending on the scale,"
    enough = "every item was" if shares == [1.0] else f"at least {least}{by_scale} of the items were"
    yield f"A score is {score}, if {enough} answered; otherwise it is missing."
    yield (
        "Reliability rests on students who answered every item: Cronbach’s (1951) alpha with the interval of Feldt, "
        "Woodruff and Salih (1987)"
    )
    if any(len(scale.items) > 2 for scale in scales.values()):
        yield (
            "and, for scales of three or more items, McDonald’s (1999) omega total: one factor by maximum likelihood, "
            "model-implied variance, and a delta-method interval (Raykov 2002) with a robust covariance."
        )
    else:
        yield "alone; omega needs three items."


def _effects(study: Study, wave: Wave) -> Iterator[str]:
    """The estimator of the effect."""
    assignment = study.design.assignment
    several = len(assignment.programme) > 1
    if _one_period(study):
        blocks = ", with effects of the blocks" if assignment.blocks else ""
        adjusted = f", adjusted for {listed(list(study.analysis.covariates))}" if study.analysis.covariates else ""
        basis = "random assignment" if assignment.randomized else "the assumption that the arms were alike before"
        yield (
            "No wave precedes the programme, so the effect is the difference between the arms’ means in the wave, by "
            f"least squares{blocks}{adjusted}. It rests on {basis}."
        )
        if several:
            yield "Each programme arm is compared with the comparison arm in one regression."
        return
    unit = "students" if study.design.panel else _UNITS[assignment.level]
    before = [w.label for w in study.waves_until(wave.name) if w.before_programme]
    waves = (
        "all waves so far"
        if _staggered(study)
        else f"this wave and {'the wave' if len(before) == 1 else 'the waves'} before the programme ({listed(before)})"
    )
    yield (
        f"The effect is a difference-in-differences over {waves}: least squares of the outcome on effects of {unit} "
        "and of waves (two-way fixed effects) and on the programme running."
    )
    if study.design.panel:
        yield "Students contribute who have the outcome in a wave before the start and in a further one."
    else:
        yield f"Students differ from wave to wave and are compared within their {_UNITS[assignment.level]}."
        if study.analysis.covariates:
            yield f"It is adjusted for {listed(list(study.analysis.covariates))}."
    if several:
        yield "Each programme arm is compared with the comparison arm by itself."
    if _staggered(study):
        yield (
            "Programmes started at different waves: if effects differ between starts or grow, this average gives some "
            "of them negative weight (Goodman-Bacon 2021)."
        )
    elif [w for w in study.waves_until(wave.name) if not w.before_programme][1:]:
        yield "A second estimate averages over all waves with the programme so far."


def _changes(study: Study, wave: Wave) -> Iterator[str]:
    """The estimator of a change."""
    before = [w.label for w in study.waves_until(wave.name) if w.before_programme]
    if not before:
        yield "Everybody got the programme and no wave precedes it, so neither an effect nor a change is estimated."
        return
    since = "the wave before it" if len(before) == 1 else "the last wave before it in which the outcome was measured"
    yield (
        "Everybody got the programme, so its effect cannot be estimated. What is estimated is the change to this wave "
        f"from {since} ({listed(before, 'or')})."
    )
    if study.design.panel:
        yield "It is the mean of students’ own changes, over those who have the outcome in both waves."
    else:
        yield "Students differ from wave to wave, so it is the difference of the waves’ means."
    if study.groups:
        groups = listed([inside(g.label) for g in study.groups])
        yield f"For primary outcomes it is also given by {groups}, each from one regression; these are exploratory."
    yield "The What Works Clearinghouse’s Standards Handbook 4.1 does not admit designs without a comparison group."


def _change_inference(study: Study) -> Iterator[str]:
    """Standard errors of a change."""
    assignment, analysis = study.design.assignment, study.analysis
    level = f"Intervals are at the {number(100 * analysis.conf_level, 0)}% level."
    if assignment.level == "student":
        yield f"Students got the programme one by one; intervals and tests are those of the t test on students. {level}"
        return
    yield (
        f"Standard errors are clustered by {assignment.level}: the CR2 correction of Bell and McCaffrey (2002) with "
        f"Satterthwaite degrees of freedom (Pustejovsky & Tipton 2018), made for few clusters. {level} The test is "
        "trusted from four degrees of freedom up (Tipton 2015)."
    )
    yield (
        "Beside it stand the wild cluster bootstrap with the null imposed (Cameron, Gelbach & Miller 2008; with very "
        f"few clusters the weights of Webb 2023; up to {count(analysis.draws)} draws with the seed {analysis.seed}, "
        "unless the provenance names others) and a t test in which each cluster counts once."
    )


def _change_sizes(study: Study, wave: Wave) -> Iterator[str]:
    """Standardised changes."""
    kinds = {o.kind for o in study.outcomes_in(wave.name)}
    if kinds - {"binary"}:
        yield (
            "Effect sizes are changes over the standard deviation of the same students before the programme, which no "
            "programme has touched, corrected for small samples (Becker 1988; Hedges 1981). They are no effects of the "
            "programme, and not comparable with effect sizes against a comparison group."
        )
    if "binary" in kinds:
        yield (
            "For yes-or-no outcomes the estimate is a change of the share and its effect size the Cox index of the two "
            "shares (log odds ratio over 1.65)."
        )
    yield "Intervals of effect sizes carry over those of the changes and take the standard deviation as known."
    smallest = study.analysis.smallest_effect
    if smallest is not None:
        yield f"The smallest change that matters was set at {smallest:g} standard deviations."


def _event_study(study: Study, wave: Wave) -> Iterator[str]:
    """Parallel trends."""
    if _one_period(study) or _staggered(study) or len(study.design.assignment.programme) > 1:
        return
    yield "The difference between the arms is also given wave by wave, against the last wave before the programme."
    before = [w for w in study.waves_until(wave.name) if w.before_programme]
    if len(before) > 2:
        yield (
            "That the arms moved alike before is tested jointly by the approximate Hotelling test of Pustejovsky and "
            "Tipton (2018)."
        )
    elif len(before) == 2:
        yield "The one earlier difference is itself the test that the arms moved alike before."


def _inference(study: Study, wave: Wave) -> Iterator[str]:
    """Standard errors, and what stands beside them."""
    assignment, analysis = study.design.assignment, study.analysis
    level = f"Intervals are at the {number(100 * analysis.conf_level, 0)}% level."
    if _one_period(study) and assignment.level == "student":
        yield (
            "Students were assigned one by one, so standard errors are the heteroskedasticity-robust HC1 (MacKinnon & "
            f"White 1985), with t tests on N − K degrees of freedom. {level}"
        )
        return
    yield (
        f"Standard errors are clustered by {assignment.level}, the level of assignment: the CR2 correction of Bell and "
        "McCaffrey (2002) with Satterthwaite degrees of freedom "
        f"(Pustejovsky & Tipton 2018), made for few clusters. {level}"
    )
    if _one_period(study):
        return
    yield (
        "A rule set before the results leads with this test if each arm has three clusters or more, and trusts it from "
        "four degrees of freedom up (Tipton 2015)."
    )
    beside = (
        "the wild cluster bootstrap with the null imposed (Cameron, Gelbach & Miller 2008; with very few clusters the "
        "weights of Webb 2023)"
    )
    also = " and a t test in which each cluster counts once"
    if assignment.randomized:
        drawn = " within blocks" if assignment.blocks else ""
        beside += f", a randomisation test that repeats the lottery{drawn} (Fisher 1935; Young 2019)"
    yield (
        f"Beside it stand {beside}{also}. Up to {count(analysis.draws)} draws are made with the seed {analysis.seed}, "
        "unless the provenance names others; with more than 500 clusters resampling is left out."
    )


def _effect_sizes(study: Study, wave: Wave) -> Iterator[str]:
    """Standardised effects."""
    kinds = {o.kind for o in study.outcomes_in(wave.name)}
    clustered = study.design.assignment.level != "student"
    if kinds - {"binary"}:
        correction = " and for clustering (Hedges 2007)" if clustered else ""
        yield (
            "Effect sizes are Hedges g: the estimate over the pooled standard deviation of the wave’s students, "
            f"corrected for small samples (Hedges 1981){correction}, as in the What Works Clearinghouse’s Procedures "
            "Handbook 4.1."
        )
    if "binary" in kinds:
        yield (
            "For yes-or-no outcomes the estimate is a difference in shares and its effect size the Cox index (log odds "
            "ratio over 1.65)."
        )
    yield "Intervals of effect sizes carry over those of the estimates and take the standard deviation as known."
    smallest = study.analysis.smallest_effect
    if smallest is not None:
        yield f"The smallest effect that matters was set at {smallest:g} standard deviations."


def _multiplicity(study: Study, wave: Wave) -> Iterator[str]:
    """Adjusted p values."""
    outcomes = study.outcomes_in(wave.name)
    primary = [o for o in outcomes if o.role == "primary"]
    if len(primary) > 1:
        yield "P values of the primary outcomes are adjusted by Holm (1979)."
    elif primary:
        yield "There is one primary outcome, hence no adjustment."
    if sum(o.role == "secondary" for o in outcomes) > 1:
        yield "P values of secondary outcomes are adjusted within their domain by Benjamini and Hochberg (1995)."
    left = ["exploratory outcomes"] if any(o.role == "exploratory" for o in outcomes) else []
    left += ["student groups"] if study.groups and primary else []
    if left:
        yield f"P values of {listed(left)} are not adjusted."


def _multilevel(study: Study, wave: Wave) -> Iterator[str]:
    """The second method."""
    assignment = study.design.assignment
    if _staggered(study):
        yield "With staggered starts no multilevel model is fitted."
        return
    levels = ["students"] if study.design.panel and not _one_period(study) else []
    levels += ["classes"] if study.design.class_ else []
    one_group = assignment.comparison is None
    if one_group and not study.waves_before:
        return
    repeated = " where they repeat" if levels else ""
    end = "." if _one_period(study) or assignment.level == "student" else ""
    yield (
        "The second method is a linear multilevel model fitted by restricted maximum likelihood (Bates, Mächler, "
        f"Bolker & Walker 2015), with random intercepts of {listed([*levels, 'schools'])}{repeated}{end}"
    )
    if not _one_period(study) and assignment.level != "student":
        yield f"and a random change for each {assignment.level} (Barr, Levy, Scheepers & Tily 2013)."
    yield "Tests use Satterthwaite’s degrees of freedom (Kuznetsova, Brockhoff & Christensen 2017)."
    if any(o.kind != "continuous" for o in study.outcomes_in(wave.name)):
        yield "Counts and yes-or-no outcomes are modelled linearly, on their own scale."
    if study.groups and not one_group:
        groups = listed([inside(g.label) for g in study.groups])
        yield f"Effects by {groups} come from one model each, with an interaction, for primary outcomes."
    if assignment.level != "student":
        yield "Intraclass correlations are those of a one-way analysis of variance with Searle’s interval."


def _standards(study: Study) -> Iterator[str]:
    """Baseline equivalence and attrition."""
    if not study.waves_before:
        return
    yield (
        "Baseline differences of the arms are judged by the What Works Clearinghouse’s Standards Handbook 4.1 (0.05 "
        "and 0.25 standard deviations)"
    )
    yield (
        "and attrition by its cautious boundary." if study.design.panel else "in the students of the last wave before."
    )


def _privacy(study: Study) -> Iterator[str]:
    """Codes, small cells."""
    who = "Students, classes and schools" if study.design.school else "Students"
    yield (
        f"{who} are known in the analysis only by keyed codes (HMAC-SHA256)"
        + ("; in this demonstration the key is not secret." if study.demo else ", whose key is kept outside the study.")
    )
    yield (
        f"Counts below {study.privacy.minimum_cell} students and the numbers made from them are hidden, and so is what "
        "would give them away by subtraction within a table."
    )
