"""Made-up files of leads whose honest fields and planted leaks are known, as CRMs export them.

A lead is worked on from its creation to its decision; what is honest stood there at creation, what
leaks was written or counted until the decision. Nothing here is drawn with the audit in mind.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

START = np.datetime64("2024-01-03T08:00:00")


@dataclass(frozen=True)
class LeakWorld:
    """A file, its target, and which of its columns leak; the others but ``roles`` are honest."""

    frame: pd.DataFrame
    target: str
    leaks: frozenset[str]
    roles: frozenset[str] = frozenset()

    @property
    def honest(self) -> frozenset[str]:
        return frozenset(self.frame.columns) - self.leaks - self.roles - {self.target}

    def write(self, folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "leads.csv"
        self.frame.to_csv(path, index=False)
        return path


class Making:
    """Leads being made: honest fields add to the log-odds, then each is decided or still open."""

    def __init__(self, n: int, seed: int, *, days: int = 540) -> None:
        self.n, self.rng = n, np.random.default_rng(seed)
        self.z = np.zeros(n)
        self.created_day = np.sort(self.rng.uniform(0, days, n))
        self.days = days
        self.columns: dict[str, np.ndarray] = {}

    def category(
        self, name: str, words: Sequence[str], *, weight: float = 0.4, gaps: float = 0.0,
        even: bool = False,
    ) -> np.ndarray:  # fmt: skip
        shares = np.ones(len(words)) if even else 1 / np.arange(1, len(words) + 1)
        code = self.rng.choice(len(words), self.n, p=shares / shares.sum())
        self.z += (self.rng.normal(size=len(words)) * weight)[code]
        self.columns[name] = self.gaps(np.array(words, dtype=object)[code], gaps)
        return code

    def number(
        self, name: str, values: np.ndarray, *, weight: float = 0.3, gaps: float = 0.0
    ) -> None:
        ranks = pd.Series(values).rank().to_numpy() / self.n - 0.5
        self.z += weight * 3.4 * ranks
        self.columns[name] = self.gaps(np.round(values, 2).astype(object), gaps)

    def answer(self, name: str, share: float, *, weight: float = 0.3, words=("yes", "no")) -> None:
        yes = self.rng.random(self.n) < share
        self.z += weight * yes
        self.columns[name] = np.where(yes, *words).astype(object)

    def amount(self, spread: float = 1.0, middle: float = 8.0) -> np.ndarray:
        return np.exp(self.rng.normal(middle, spread, self.n))

    def count(self, mean: float) -> np.ndarray:
        return self.rng.poisson(mean * self.rng.gamma(2, 0.5, self.n)).astype(float)

    def gaps(self, values: np.ndarray, share: float) -> np.ndarray:
        return np.where(self.rng.random(self.n) < share, "", values) if share else values

    def decide(
        self, rate: float, *, pace: float = 25.0, censored: bool = True,
        never: np.ndarray | None = None,
    ) -> None:  # fmt: skip
        """Draw outcome and days of work; those not decided by the end of the file are open."""
        z, low, high = self.z + self.rng.normal(0, 0.5, self.n), -20.0, 20.0
        never = np.zeros(self.n, dtype=bool) if never is None else never
        for _ in range(60):
            middle = (low + high) / 2
            share = np.mean(~never / (1 + np.exp(-z - middle)))
            low, high = (low, middle) if share > rate else (middle, high)
        won = (self.rng.random(self.n) < 1 / (1 + np.exp(-z - low))) & ~never
        self.took = self.rng.gamma(2.0, np.where(won, 0.7, 1.1) * pace / 2) + 0.2
        so_far = self.days + 5 - self.created_day
        self.open = (self.took > so_far) if censored else np.zeros(self.n, dtype=bool)
        self.won, self.lost = won & ~self.open, ~won & ~self.open
        self.worked = np.minimum(self.took, so_far)

    def outcome(self, won: str, lost: str, still_open: str = "") -> np.ndarray:
        return np.where(self.won, won, np.where(self.lost, lost, still_open)).astype(object)

    def where(self, rows: np.ndarray, values: object) -> np.ndarray:
        return np.where(rows, values, "").astype(object)

    def either(
        self, won: Sequence[str], often: Sequence[int], lost: Sequence[str], seldom: Sequence[int]
    ) -> np.ndarray:
        """Words of won leads and words of all others, with their weights."""
        drawn = [
            self.rng.choice(words, self.n, p=np.array(weights) / sum(weights))
            for words, weights in ((won, often), (lost, seldom))
        ]
        return np.where(self.won, *drawn).astype(object)

    def touched(self, per_day: float, *, won: float = 1.0) -> np.ndarray:
        """Contacts counted while the lead was worked on."""
        rate = (
            per_day * self.worked * np.where(self.won, won, 1.0) * self.rng.gamma(4, 0.25, self.n)
        )
        return 1.0 + self.rng.poisson(rate)

    def moment(self, day: np.ndarray) -> np.ndarray:
        return (START + (day * 86_400).astype("timedelta64[s]")).astype(str)

    def world(
        self, target: str, outcome: np.ndarray, leaks: dict[str, np.ndarray],
        *, created: str | None = "created_at", roles: Sequence[str] = (),
    ) -> LeakWorld:  # fmt: skip
        head = {} if created is None else {created: self.moment(self.created_day)}
        frame = pd.DataFrame({**head, **self.columns, **leaks, target: outcome})
        place = np.random.default_rng(1).permutation(len(frame.columns))
        kept = frozenset(({created} if created else set()) | set(roles))
        return LeakWorld(frame.iloc[:, place], target, frozenset(leaks), kept)


def saas(seed: int = 0) -> LeakWorld:
    m = Making(4000, seed)
    m.columns["lead_id"] = np.array([f"L-{n}" for n in range(m.n)], dtype=object)
    m.category("source", ["ads", "organic", "referral", "event", "partner", "outbound"])
    m.category("country", [f"country {n}" for n in range(25)])
    m.category("company_size", ["1-10", "11-50", "51-200", "201-1000", "1000+"], weight=0.5)
    m.category("job_role", ["founder", "manager", "engineer", "student", "other"], weight=0.6)
    m.category("utm_campaign", [f"campaign-{n}" for n in range(30)], weight=0.2, gaps=0.3)
    m.number("pages_viewed", m.count(5), weight=0.5)
    m.number("budget", m.amount(), weight=0.5, gaps=0.35)
    m.number("message_length", m.amount(0.7, 4))
    m.answer("trial_signup", 0.4, weight=0.9)
    m.answer("free_mail", 0.5, weight=-0.5)
    m.decide(0.15)
    last = m.created_day + m.worked
    reasons = m.rng.choice(["price", "no answer", "competitor", "no need"], m.n)
    stages = np.where(m.won, "contract signed", np.where(m.lost, "archived", "in talks"))
    leaks = {
        "lost_reason": m.where(m.lost & (m.rng.random(m.n) < 0.8), reasons),
        "closed_at": m.where(~m.open, m.moment(last)),
        "sales_cycle_days": m.where(~m.open, np.round(m.took, 1)),
        "number_of_calls": m.touched(0.15, won=1.6),
        "last_contacted": m.moment(last),
        "deal_stage": stages,
        "invoice_amount": m.where(m.won, np.round(m.amount(0.5), 2)),
    }
    return m.world("status", m.outcome("won", "lost", "open"), leaks, roles=["lead_id"])


def bank(seed: int = 0) -> LeakWorld:
    m = Making(5000, seed)
    m.number("age", 18 + m.amount(0.4, 3.1))
    m.category("job", ["admin.", "technician", "services", "retired", "student", "management"])
    m.category("marital", ["married", "single", "divorced"])
    m.category("education", ["basic.4y", "high.school", "university.degree", "unknown"])
    m.category("contact", ["cellular", "telephone"], weight=0.6)
    m.answer("housing", 0.5, weight=0.1)
    m.answer("loan", 0.15, weight=-0.1)
    m.number("previous", m.count(0.3), weight=0.4)
    m.category("poutcome", ["nonexistent", "failure", "success"], weight=0.8)
    m.columns["month"] = np.array(["may", "jun", "jul", "aug", "nov", "apr"], dtype=object)[
        (m.created_day / 30).astype(int) % 6
    ]
    m.columns["euribor3m"] = np.round(4 - m.created_day / 200 + m.rng.normal(0, 0.02, m.n), 3)
    m.decide(0.12, censored=False)
    talked = m.rng.gamma(2.0, np.where(m.won, 280, 105))
    return m.world("y", m.outcome("yes", "no"), {"duration": np.round(talked)}, created=None)


def real_estate(seed: int = 0) -> LeakWorld:
    m = Making(3500, seed)
    m.category("property_type", ["flat", "house", "plot", "office"])
    m.category("district", [f"district {n}" for n in range(14)])
    m.category(
        "agent", ["Ann Lee", "Bo Chan", "Cy Diaz", "Di Evans", "Ed Fox"], even=True, weight=0.2
    )
    m.category("source", ["portal", "site", "walk-in", "friends"], weight=0.6)
    m.number("price_wanted", m.amount(0.6, 12), weight=0.3, gaps=0.1)
    m.number("rooms", 1 + m.count(1.5))
    m.answer("mortgage", 0.6, weight=0.4)
    m.answer("has_children", 0.4)
    m.number("site_visits_before", m.count(3), weight=0.5)
    m.category("weekday", ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"], weight=0.1, even=True)
    m.decide(0.2, pace=60)
    last = m.created_day + m.worked
    leaks = {
        "contract_no": m.where(m.won, np.array([f"C{n}" for n in range(m.n)], dtype=object)),
        "viewings_total": m.touched(0.05, won=1.8),
        "days_to_close": m.where(~m.open, np.round(m.took)),
        "commission": m.where(m.won & (m.rng.random(m.n) < 0.9), np.round(m.amount(0.4), 0)),
        "last_activity_date": m.moment(last),
        "call_result": np.where(
            m.won, "agreed", np.where(m.rng.random(m.n) < 0.5, "thinking", "wrong number")
        ).astype(object),
    }
    return m.world("result", m.outcome("sold", "lost"), leaks, created="received")


def education(seed: int = 0) -> LeakWorld:
    m = Making(4500, seed)
    m.columns["Lead Number"] = 600_000 + np.arange(m.n) * 3
    m.category("Lead Origin", ["Landing Page", "API", "Add Form", "Import"], weight=0.6)
    m.category("Lead Source", ["Google", "Direct", "Chat", "Reference", "Organic"], weight=0.5)
    m.category("Specialization", [f"Field {n}" for n in range(16)], gaps=0.3)
    m.category("Occupation", ["Unemployed", "Working", "Student", "Other"], weight=0.7, gaps=0.2)
    m.category("City", ["Mumbai", "Thane", "Pune", "Delhi", "Other"], gaps=0.25)
    m.answer("Free Copy", 0.3, words=("Yes", "No"))
    m.answer("Do Not Email", 0.08, weight=-0.9, words=("Yes", "No"))
    m.number("Site Visits", m.count(3), weight=0.4)
    m.number("Page Views Per Visit", m.amount(0.5, 1))
    m.decide(0.38, censored=False)
    tags = m.either(
        ["Will revert", "Closed by Horizon", "Busy"], [7, 2, 1],
        ["Ringing", "Interested elsewhere", "switched off", "Busy"], [1, 1, 1, 1],
    )  # fmt: skip
    quality = m.either(["High", "Might be", ""], [5, 3, 2], ["Worst", "Might be", ""], [4, 3, 13])
    acts = ["SMS Sent", "Email Opened", "Modified"]
    activity = m.either(acts, [6, 2, 2], acts, [3, 7, 10])
    leaks = {
        "Tags": m.gaps(tags, 0.2),
        "Lead Quality": quality,
        "Last Notable Activity": activity,
        "Fee Paid": m.where(m.won & (m.rng.random(m.n) < 0.7), "Yes"),
        "Counselling Sessions": m.rng.poisson(np.where(m.won, 3.5, 1.0)).astype(float),
    }
    return m.world("Converted", m.outcome("1", "0"), leaks, created=None, roles=["Lead Number"])


def loan_funnel(seed: int = 0) -> LeakWorld:
    m = Making(5000, seed)
    m.number("requested_amount", np.round(m.amount(0.7, 9.5), -2), weight=0.3)
    m.category("loan_goal", ["car", "home", "debt", "boat", "tax", "other"], weight=0.4)
    m.category("application_type", ["new credit", "limit raise"], weight=0.5)
    m.category("channel", ["web", "branch", "broker"], weight=0.4)
    m.category("employment", ["permanent", "self-employed", "temporary", "none"], weight=0.6)
    m.number("credit_score", 600 + 80 * m.rng.normal(size=m.n), weight=0.7, gaps=0.05)
    m.number("income", m.amount(0.5, 8), weight=0.4)
    m.number("years_employed", m.count(5))
    m.answer("existing_customer", 0.35, weight=0.5)
    m.decide(0.5, pace=18, censored=False)
    offers = 1 + m.rng.poisson(np.where(m.won, 0.5, 0.25))
    validation = np.where(m.won, 0.5, 0.25) + m.rng.normal(0, 0.12, m.n)
    leaks = {
        "total_events": m.touched(0.9, won=1.5) + 8,
        "elapsed_days": np.round(m.took, 1),
        "offer_count": offers.astype(float),
        "number_of_contacts": m.touched(0.25, won=1.4),
        "ratio_days_validation": np.round(np.clip(validation, 0.01, 0.99), 3),
        "last_event": m.either(
            ["A_Pending", "O_Accepted"], [1, 1],
            ["A_Cancelled", "A_Denied", "W_Call incomplete"], [1, 1, 1],
        ),
    }  # fmt: skip
    return m.world("accepted", m.outcome("accepted", "declined"), leaks, created="application_date")


def marketing_funnel(seed: int = 0) -> LeakWorld:
    m = Making(8000, seed, days=90)
    bounced = m.rng.random(m.n) < 0.45
    m.category("channel", ["search", "social", "mail", "display", "direct"], weight=0.5)
    m.category("device", ["mobile", "desktop", "tablet"], weight=0.4)
    m.category("browser", ["Chrome", "Safari", "Firefox", "Edge"], weight=0.1)
    m.category("landing_page", [f"/p/{n}" for n in range(12)], weight=0.3)
    m.category("region", [f"region {n}" for n in range(8)], weight=0.2)
    m.answer("returning_visitor", 0.3, weight=0.7)
    m.number("hour", m.rng.integers(0, 24, m.n).astype(float), weight=0.1)
    pages = np.where(bounced, 1.0, 2 + m.count(4))
    m.number("pages_in_visit", pages, weight=0.5)
    m.number("seconds_on_site", np.where(bounced, 0.0, np.round(m.amount(0.8, 4.5))), weight=0.3)
    m.columns["bounced"] = np.where(bounced, "1", "0").astype(object)
    depth = np.round(m.rng.uniform(10, 100, m.n))
    m.columns["scroll_depth"] = np.where(bounced, "", depth).astype(object)
    m.decide(0.05, never=bounced, pace=2, censored=False)
    leaks = {
        "checkout_seconds": m.where(m.won, np.round(m.amount(0.5, 4))),
        "order_value": m.where(m.won & (m.rng.random(m.n) < 0.97), np.round(m.amount(0.6, 4), 2)),
        "thank_you_page": np.where(m.won, "seen", "not seen").astype(object),
    }
    return m.world("purchased", m.outcome("1", "0"), leaks, created="visit_start")


def b2b_accounts(seed: int = 0) -> LeakWorld:
    m = Making(5000, seed)
    place = np.arange(m.n)
    m.columns["Opportunity Number"] = 1_641_984 + place
    m.columns["company_id"] = m.rng.integers(10_000, 12_500, m.n)
    regions = np.array(
        ["Northwest", "Pacific", "Midwest", "Southeast", "Mid-Atlantic"], dtype=object
    )
    m.columns["Region"] = regions[(place * 5) // m.n]
    m.category("Supplies Group", ["Car Accessories", "Performance", "Tires"], weight=0.3)
    m.category("Route To Market", ["Reseller", "Fields Sales", "Other", "Telesales"], weight=0.6)
    m.category("Client Size By Revenue", ["1", "2", "3", "4", "5"], weight=0.2)
    m.category("Competitor Type", ["Known", "Unknown", "None"], weight=0.3)
    m.number("Opportunity Amount USD", m.amount(1.0, 11), weight=-0.4)
    m.number("Client Employee Count", m.amount(1.2, 5))
    m.answer("Revenue From Client Past Two Years", 0.15, weight=0.8)
    m.decide(0.23, pace=70, censored=False)
    shares = m.rng.dirichlet([2, 2, 2], m.n) + np.where(m.won, 0.12, 0)[:, None] * [-1, 0, 1]
    shares = np.clip(shares, 0, 1)
    leaks = {
        "Elapsed Days In Sales Stage": np.round(m.took),
        "Sales Stage Change Count": 1.0 + m.rng.poisson(np.where(m.won, 2.6, 1.7)),
        "Total Days Identified Through Closing": np.round(0.8 * m.took + m.rng.gamma(1, 4, m.n)),
        "Ratio Days Identified To Total Days": np.round(shares[:, 0], 3),
        "Ratio Days Qualified To Total Days": np.round(shares[:, 2], 3),
        "Win Probability": np.clip(
            np.round(np.where(m.won, 75, 35) + 14 * m.rng.normal(size=m.n)), 0, 100
        ),
    }
    roles = ["Opportunity Number", "company_id"]
    return m.world("Opportunity Result", m.outcome("Won", "Loss"), leaks, created=None, roles=roles)


def persian(seed: int = 0) -> LeakWorld:
    m = Making(3000, seed)
    m.category("منبع", ["وب‌سایت", "اینستاگرام", "نمایشگاه", "معرفی"], weight=0.6)
    m.category("شهر", ["تهران", "اصفهان", "شیراز", "مشهد", "تبریز"])
    m.category("اندازه شرکت", ["کوچک", "متوسط", "بزرگ"], weight=0.5)
    m.category("محصول", ["پایه", "حرفه‌ای", "سازمانی"], weight=0.3)
    m.number("بودجه", m.amount(0.8, 17), weight=0.6, gaps=0.2)
    m.number("بازدید صفحه", m.count(4), weight=0.5)
    m.answer("نیاز فوری", 0.3, weight=0.7, words=("بله", "خیر"))
    m.answer("مشتری قبلی", 0.2, weight=0.5, words=("بله", "خیر"))
    m.decide(0.25)
    reasons = m.rng.choice(["قیمت بالا", "خرید از رقیب", "عدم پاسخ"], m.n)
    leaks = {
        "دلیل رد": m.where(m.lost & (m.rng.random(m.n) < 0.7), reasons),
        "مدت پیگیری (روز)": np.round(m.worked, 1),
        "تعداد تماس": m.touched(0.12, won=1.7),
        "تاریخ بسته شدن": m.where(~m.open, m.moment(m.created_day + m.took)),
        "مبلغ قرارداد": m.where(m.won, np.round(m.amount(0.5, 16))),
    }
    outcome = m.outcome("موفق", "ناموفق", "در جریان")
    return m.world("وضعیت", outcome, leaks, created="تاریخ ایجاد")


def russian(seed: int = 0) -> LeakWorld:
    m = Making(3000, seed)
    m.category("Источник", ["сайт", "реклама", "выставка", "партнёр"], weight=0.6)
    m.category("Город", ["Москва", "Казань", "Самара", "Пермь", "Омск"])
    m.category("Отрасль", ["ритейл", "стройка", "медицина", "другое"], weight=0.4)
    m.category("Менеджер", ["Анна Ким", "Олег Ли", "Ира Цой"], weight=0.2, even=True)
    m.number("Бюджет", m.amount(0.8, 11), weight=0.6, gaps=0.2)
    m.number("Сотрудников", m.amount(1.2, 4))
    m.answer("Срочно", 0.3, weight=0.7, words=("да", "нет"))
    m.answer("Есть сайт", 0.7, weight=0.2, words=("да", "нет"))
    m.decide(0.22)
    reasons = m.rng.choice(["дорого", "конкурент", "не отвечает"], m.n)
    leaks = {
        "Причина отказа": m.where(m.lost & (m.rng.random(m.n) < 0.7), reasons),
        "Длительность сделки, дней": np.round(m.worked, 1),
        "Количество звонков": m.touched(0.12, won=1.7),
        "Последний контакт": m.moment(m.created_day + m.worked),
        "Сумма оплаты": m.where(m.won, np.round(m.amount(0.5, 10))),
    }
    outcome = m.outcome("Успешно реализовано", "Закрыто и не реализовано", "Переговоры")
    return m.world("Этап", outcome, leaks, created="Дата создания")


def honest_telecom(seed: int = 0) -> LeakWorld:
    """A file without any leak, and with a field that tells much."""
    m = Making(4000, seed)
    m.category("tariff", ["S", "M", "L", "XL"], weight=0.5)
    m.category("region", [f"region {n}" for n in range(10)])
    m.category("last_plan", ["prepaid", "contract"], weight=0.4)
    m.number("total_minutes", m.amount(0.7, 5), weight=0.4)
    m.number("contract_months", m.rng.choice([6.0, 12.0, 24.0], m.n), weight=0.2)
    m.number("data_gb", m.amount(0.9, 2), weight=1.1)
    m.number("devices_count", 1 + m.count(1))
    m.answer("unsubscribed", 0.05, weight=-9.0)
    m.answer("paperless", 0.5)
    m.answer("on_app", 0.6, weight=0.4)
    m.decide(0.15)
    return m.world("bought", m.outcome("yes", "no"), {}, created="offered_at")


WORLDS: dict[str, Callable[[int], LeakWorld]] = {
    world.__name__: world
    for world in (
        saas, bank, real_estate, education, loan_funnel, marketing_funnel, b2b_accounts, persian,
        russian, honest_telecom,
    )
}  # fmt: skip
