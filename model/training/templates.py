"""Company news in dry words, made from sentence patterns written here: what rose, what fell, what merely is.

Names, numbers, currencies and periods are drawn by a seed, and a number is in step with the verb beside it. They
teach the reading of results and orders that headlines and tweets seldom show.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from model.training.rows import Row

SOURCE = "templates"

_HEADS = "Nor Val Kar Tel Mar Sol Ber Lin Hal Ost Ran Ful Vik Dal Em Cor Ter Alt Bra Kel Pol Sar Tan Ul Wes".split()
_TAILS = "tek mar dex vik sten land gen tra nova lux fors cap mill med pharm soft steel wood bank line pack".split()
_FORMS = ("", "", "", " Inc", " Corp", " Group", " Oyj", " AB", " plc", " AG", " ASA", " Ltd", " Holdings", " SA")
_MONEY = (
    "EUR {} mn", "EUR {} million", "EUR{}m", "USD {} mn", "${} million", "SEK {} mn", "{} mln euros", "£{} million",
    "{} million dollars", "EUR {} mln", "DKK {} mn", "NOK {} million",
)  # fmt: skip
_METRICS = (
    "net sales", "operating profit", "net profit", "revenue", "turnover", "pretax profit", "earnings", "EBIT",
    "order intake", "the order backlog", "gross profit", "EBITDA", "net interest income", "cash flow from operations",
    "earnings per share", "profit for the period", "export sales", "market share", "gross margin", "sales volumes",
)  # fmt: skip
_PERIODS = (
    "in the first quarter", "in the second quarter of 2008", "in 2009", "in the period", "during the fiscal year",
    "in January-September", "in the third quarter", "for the full year", "in the first half of the year",
    "in the quarter ended in March", "year on year", "in the reporting period",
)  # fmt: skip
_BEFORE = ("a year earlier", "in the corresponding period", "in the year-ago quarter", "the previous year", "in 2007")
_ROSE = ("rose", "increased", "grew", "climbed", "improved", "went up", "advanced", "jumped", "was up")
_FELL = ("fell", "decreased", "declined", "dropped", "went down", "weakened", "shrank", "slid", "was down")
_GOODS = (
    "lifts", "paper machines", "network equipment", "software licences", "diesel engines", "port cranes", "steel",
    "packaging lines", "wind turbine parts", "medical devices", "train control systems", "ship propellers",
)  # fmt: skip
_PLACES = "Helsinki Stockholm Oslo Berlin Warsaw Riga Mumbai Shanghai Toronto Chicago Madrid Vienna Moscow".split()

_POSITIVE = (
    "{Metric} {rose} to {high} from {low} {before}.",
    "{Metric} {rose} by {percent} {period} to {high}.",
    "{Metric} {rose} {percent} to {high} {period}, {company} said.",
    "{company} said its {metric} {rose} {period} to {high} from {low}.",
    "{Metric} totalled {high}, up from {low} {before}.",
    "{company}'s {metric} came in at {high} {period}, compared with {low} {before}.",
    "{company} turned to a profit of {high} {period} from a loss of {low} {before}.",
    "Operating profit was {high}, compared to a loss of {low} {before}.",
    "{company}'s net loss narrowed to {low} {period} from {high} {before}.",
    "The operating loss shrank to {low} from {high} {before}.",
    "{company} has won an order worth {high} for {goods} from a customer in {place}.",
    "{company} has been awarded a contract to deliver {goods} to {place}.",
    "{company} and {other} have signed a long-term agreement on the supply of {goods}.",
    "{company} expects its {metric} to grow {period}.",
    "{company} raises its full-year outlook after a strong quarter.",
    "The board proposes a dividend of {small} per share, up from the year before.",
    "The new plant in {place} will raise capacity by {percent} and create {count} jobs.",
    "The acquisition will strengthen {company}'s position in {place}.",
    "Costs fell by {percent} {period}, which lifted {metric}.",
    "Demand for {goods} picked up clearly {period}.",
)
_NEGATIVE = (
    "{Metric} {fell} to {low} from {high} {before}.",
    "{Metric} {fell} by {percent} {period} to {low}.",
    "{Metric} {fell} {percent} to {low} {period}, {company} said.",
    "{company} said its {metric} {fell} {period} to {low} from {high}.",
    "{Metric} totalled {low}, down from {high} {before}.",
    "{company}'s {metric} came in at {low} {period}, compared with {high} {before}.",
    "{company} swung to a loss of {low} {period} from a profit of {high} {before}.",
    "{company} posted a net loss of {high}, against a profit of {low} {before}.",
    "{company}'s net loss widened to {high} {period} from {low} {before}.",
    "The operating loss grew to {high} from {low} {before}.",
    "{company} will lay off {count} people at its plant in {place}.",
    "{company} has begun talks with its staff on cutting {count} jobs.",
    "{company} lowers its full-year outlook because of weak demand.",
    "{company} expects its {metric} to fall {period}.",
    "{company} lost its order for {goods} to a rival in {place}.",
    "The plant in {place} will be closed and {count} employees will lose their jobs.",
    "Demand for {goods} weakened clearly {period}.",
    "Rising costs ate into {metric} {period}.",
)
_NEUTRAL = (
    "{company} is headquartered in {place} and employs some {count} people.",
    "{company} makes {goods} and is listed in {place}.",
    "The value of the deal was not disclosed.",
    "{company} will publish its interim report on {day}.",
    "The annual general meeting of {company} will be held in {place} on {day}.",
    "{company} has agreed to buy {goods} maker {other}; the price is {high}.",
    "The total number of shares in {company} after the transaction is {shares}.",
    "{company} had {metric} of {high} {period}.",
    "{company} had {metric} of {high} and {count} employees {period}.",
    "The contract covers {goods} and runs until {day}.",
    "{other} holds {percent} of the shares and votes in {company}.",
    "The transaction is subject to approval by the authorities in {place}.",
    "The board of {company} elected a chairman at its meeting on {day}.",
    "{company} is transferring the production of {goods} from {place} to its other plants.",
    "The investment amounts to {high} and the work will start on {day}.",
    "{company} supplies {goods} to customers in {place}.",
    "{company} has appointed a head of its business in {place}, starting on {day}.",
    "The company's share is quoted in {place} under the code given in the prospectus.",
    "The building in {place} has floor space of {count} square metres.",
    "Financial terms of the agreement between {company} and {other} were not given.",
)
PATTERNS = {"negative": _NEGATIVE, "neutral": _NEUTRAL, "positive": _POSITIVE}


def template_rows(per_label: int, seed: int = 0) -> list[Row]:
    """Return `per_label` different sentences of each sentiment, the same for the same seed; source `templates`."""
    draw = random.Random(f"{seed}/templates")
    rows: list[Row] = []
    for label, patterns in PATTERNS.items():
        texts: dict[str, None] = {}
        for turn in range(20 * per_label):
            if len(texts) == per_label:
                break
            texts[_sentence(patterns[turn % len(patterns)], draw)] = None
        rows.extend(Row("sentiment", "en", SOURCE, "news", text, (label,)) for text in texts)
    return rows


def _sentence(pattern: str, draw: random.Random) -> str:
    money = draw.choice(_MONEY)
    low = round(draw.uniform(0.2, 20) * draw.choice((1, 1, 10)), 1)
    high = round(low * draw.uniform(1.05, 1.9) + 0.1, 1)
    metric = draw.choice(_METRICS)
    return pattern.format(
        company=_name(draw), other=_name(draw), metric=metric, Metric=metric[0].upper() + metric[1:],
        rose=draw.choice(_ROSE), fell=draw.choice(_FELL), low=money.format(low), high=money.format(high),
        small=money.format(round(draw.uniform(0.1, 2), 2)), percent=_percent(draw), period=draw.choice(_PERIODS),
        before=draw.choice(_BEFORE), goods=draw.choice(_GOODS), place=draw.choice(_PLACES),
        count=draw.randrange(20, 4000, 10), shares=f"{draw.randrange(10**6, 10**8):,}",
        day=f"{draw.randint(1, 28)} {draw.choice(('March', 'May', 'August', 'October'))}",
    )  # fmt: skip


def _name(draw: random.Random) -> str:
    return draw.choice(_HEADS) + draw.choice(_TAILS) + draw.choice(_FORMS)


def _percent(draw: random.Random) -> str:
    write: Callable[[float], str] = draw.choice((lambda x: f"{x:.0f}%", lambda x: f"{x:.1f} %", lambda x: f"{x} pct"))
    return write(round(draw.uniform(1, 45), 1))
