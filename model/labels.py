"""The label lists of the two heads; their order is the order of every probability vector."""

from __future__ import annotations

SENTIMENTS = ("negative", "neutral", "positive")

TOPICS = (
    "earnings",
    "equity_capital",
    "mna_funding",
    "company_ops",
    "management",
    "legal_risk",
    "analyst_rating",
    "market_move",
    "opinion",
    "macro",
    "rates_central_bank",
    "commodities_energy",
    "fx_crypto",
    "politics_policy",
    "other",
)

KINDS = ("news", "comment")
