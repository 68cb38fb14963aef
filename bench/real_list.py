"""The cases: what happened in the recorded streams, and whether the detector must open on it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

Expected = Literal["open", "not", "reported"]


@dataclass(frozen=True, slots=True)
class Case:
    """What happened on a stream in `[start_s, end_s)`.

    Attributes:
        series: on which an incident counts as this case; of those that begin so, where one ends with a slash. None:
            all but tickers.
        market: the widest series, whose evidence is shown where nothing opens.
    """

    name: str
    stream: str
    start_s: int
    end_s: int
    expected: Expected
    market: str
    series: tuple[str, ...] = ()
    tickers: bool = False

    def concerns(self, series: str) -> bool:
        """Return whether an incident of this series counts as this case."""
        return not self.series or any(
            series.startswith(name) if name.endswith("/") else series == name for name in self.series
        )


def case(name: str, stream: str, start: str, end: str, expected: Expected, *series: str, tickers: bool = False) -> Case:
    """Return a case from its dates or instants, UTC."""
    kind = "comment" if stream.startswith(("en_reddit", "en_stock", "en_wsb")) else "news"
    times = (int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) for text in (start, end))
    first_s, end_s = times
    return Case(name, stream, first_s, end_s, expected, f"{kind}/market/all", series, tickers)


REDDIT: Final = "en_reddit_2018_2022"
HEADLINES: Final = "en_headlines_2017_2020"
EMOTIONS: Final = "en_stockemotions_2020"
CRYPTO: Final = "en_crypto_2022_2023"
WIND: Final = "zh_wind_company_news_2016_2019"
WEIBO: Final = "zh_weibo_hot_finance_2020_2026"
ZHIHU: Final = "zh_zhihu_hot_finance_2020_2025"
TWEETS: Final = "en_stocknet_tweets_2014_2016"

# The rush for one share in January 2021, posts without their words: 68 a day, then up to 8,789.
NUMBERS: Final = "en_wsb_gme_numeric_2020_2021"

CASES: Final = (
    case("Volmageddon", REDDIT, "2018-02-05T12:00", "2018-02-07", "open", "comment/market/all"),
    case("COVID crash", HEADLINES, "2020-02-24", "2020-03-17", "open", "news/market/all"),
    case("profit warnings", WIND, "2019-01-30", "2019-02-02", "open", "news/market/all", "news/topic/earnings"),
    case("COVID, retail", EMOTIONS, "2020-02-24", "2020-04-01", "reported", "comment/market/all"),
    case("Celsius / 3AC", CRYPTO, "2022-06-12", "2022-06-17", "reported", "news/market/all"),
    case("Evergrande, Weibo 2021-09", WEIBO, "2021-09-13", "2021-09-26", "reported"),
    case("Evergrande, Weibo 2021-12", WEIBO, "2021-12-03", "2021-12-11", "reported"),
    case("Evergrande, Weibo 2023-09", WEIBO, "2023-09-25", "2023-10-03", "reported"),
    case("Evergrande, Zhihu 2021-09", ZHIHU, "2021-09-13", "2021-09-26", "reported"),
    case("Evergrande, Zhihu 2021-12", ZHIHU, "2021-12-03", "2021-12-11", "reported"),
    case("Evergrande, Zhihu 2023-09", ZHIHU, "2023-09-25", "2023-10-03", "reported"),
    case("A-share rally, Weibo", WEIBO, "2024-09-24", "2024-10-09", "not"),
    case("A-share rally, Zhihu", ZHIHU, "2024-09-24", "2024-10-09", "not"),
    case("bot spam 2014-05", TWEETS, "2014-05-21", "2014-05-22", "not", tickers=True),
    case("bot spam 2014-06", TWEETS, "2014-06-04", "2014-06-05", "not", tickers=True),
    case("quiet, headlines", HEADLINES, "2019-05-01", "2019-08-01", "not", "news/market/all"),
    case("quiet, tweets", TWEETS, "2015-06-01", "2015-08-01", "not", "comment/market/all"),
)
