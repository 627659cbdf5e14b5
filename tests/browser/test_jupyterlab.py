"""JupyterLab as a person uses it, in a real browser: log in, run a starter notebook, open the Spark UI.

Debian's Chromium, headless (or the one that CHROMIUM names). The screenshots are kept in .build/browser.
"""

import os
import re
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from spark_images import BUILD
from tests.integration.conftest import Image
from tests.integration.jupyter.server import Server, serve

NOTEBOOK = "starters/1-dataframes-and-sql.ipynb"
SLOW = 120_000
"""Milliseconds for what waits on Spark."""


@pytest.fixture(scope="module")
def server(image: Image) -> Iterator[Server]:
    with serve(image) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    assert path, "Chromium is missing: ./bootstrap --browser installs it, or name yours in CHROMIUM"
    with sync_playwright() as playwright:
        # The sandbox needs user namespaces, which a container or root may not have; the page is our own.
        chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield chromium
        chromium.close()


def keep(page: Page, image: Image, name: str) -> None:
    """Keeps a screenshot."""
    folder = BUILD / "browser"
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=folder / f"{image.labels['spark-images.cell']}-{name}.png")


def test_a_starter_notebook(browser: Browser, server: Server, image: Image) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    try:
        page.goto(f"http://{server.address}/lab/tree/{NOTEBOOK}")
        # The way in is the token.
        page.locator("#password_input").fill("wrong")
        page.locator("#login_submit").click()
        expect(page.get_by_text("Invalid credentials")).to_be_visible()
        page.locator("#password_input").fill(server.token)
        page.locator("#login_submit").click()

        notebook = page.locator(".jp-Notebook")
        expect(notebook).to_be_visible(timeout=SLOW)
        # Cells that are run before the kernel is there are not run at all.
        kernel = page.get_by_text(f"PySpark {image.labels['spark-images.spark']} | Idle")
        expect(kernel).to_be_visible(timeout=SLOW)
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name=re.compile("^Run All Cells")).click()

        # A table, a plot, and no error.
        expect(notebook.locator(".jp-OutputArea table").first).to_be_visible(timeout=SLOW)
        plot = notebook.locator(".jp-OutputArea img")
        expect(plot).to_be_visible(timeout=SLOW)
        assert plot.evaluate("image => image.naturalWidth") > 300
        expect(notebook.locator("[data-mime-type='application/vnd.jupyter.stderr'] .ansi-red-fg")).to_have_count(0)
        plot.scroll_into_view_if_needed()
        keep(page, image, "notebook")

        # The Spark UI, by the link in the session's own output.
        link = notebook.get_by_role("link", name="Spark UI").first
        link.scroll_into_view_if_needed()
        with page.context.expect_page() as opened:
            link.click()
        ui = opened.value
        expect(ui.get_by_role("heading", name="Spark Jobs")).to_be_visible(timeout=SLOW)
        expect(ui.locator("table#completedJob-table, #completedJob").first).to_be_visible()
        ui.get_by_role("link", name="Executors", exact=True).click()
        expect(ui.get_by_text("driver", exact=True).first).to_be_visible(timeout=SLOW)
        keep(ui, image, "spark-ui")
    except BaseException:
        keep(page, image, "failed")
        raise
    finally:
        page.close()
