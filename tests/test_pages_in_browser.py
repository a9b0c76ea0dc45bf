"""The two pages in a real browser: they load nothing, break nothing, and add up."""

import re
import shutil

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


def opened(browser, path, width):
    page = browser.new_page(viewport={"width": width, "height": 900})
    asked, said = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(path.as_uri())
    return page, asked, said


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("name", ["sales.html", "marketing.html"])
def test_a_page_stands_alone_and_fits(browser, demo_home, name, width):
    path = demo_home.reports / "explanations" / name
    page, asked, said = opened(browser, path, width)
    assert asked == [path.as_uri()]
    assert said == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("h1").count() == 1
    page.close()


def test_a_lead_opens_and_its_points_add_up_on_the_screen(browser, demo_home):
    page, _, _ = opened(browser, demo_home.reports / "explanations" / "sales.html", 1280)
    lead = page.locator("details").filter(has=page.locator("table")).nth(3)
    lead.locator("summary").first.click()
    table = lead.locator("table").first
    assert table.is_visible()
    figures = table.evaluate(
        """table => [...table.querySelectorAll("tr")]
            .filter(row => row.querySelector("td.points") && row.offsetParent !== null)
            .map(row => [row.className, row.querySelector("td.points").innerText.trim()])"""
    )
    assert all(re.fullmatch(r"[+\u2212-]?\d+\.\d", text) for _, text in figures)
    numbers = [float(text.replace("\u2212", "-")) for _, text in figures]
    score = numbers[-1]
    assert score == round(score)
    # Every line but the criteria's own sums, from the starting points to the last line.
    parts = [
        number
        for (kind, _), number in zip(figures[:-1], numbers[:-1], strict=True)
        if "group" not in kind and "criterion" not in kind
    ]
    assert round(sum(parts), 1) == score
    page.close()
