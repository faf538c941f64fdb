# SPDX-License-Identifier: BSL-1.0
"""Pages of `coir bench report --html` in a real browser: they are not blank, log nothing, load nothing,
and every text fits, wide and narrow, light and dark.

usage: html_browser_test.py COIR RESULT_FILE
"""
import copy
import ctypes
import html
import json
import os
import pathlib
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import zlib

COIR, FIXTURE = sys.argv[1:]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
TIMEOUT_S = 90
HEIGHT = 1400
MOST_BYTES = 60_000
PR_SET_PDEATHSIG = 1

# No window is narrower than about 500 pixels; a frame is. It tells this page what was found in it.
FRAME = """<!DOCTYPE html><html><head><meta charset="utf-8"><style>body{margin:0}iframe{border:0;display:block}</style>
<script>onmessage = event => {
  const output = document.createElement('pre');
  output.id = 'found';
  output.textContent = event.data;
  document.body.append(output);
}</script></head><body><iframe width="WIDTH" height="HEIGHT" src="PAGE"></iframe></body></html>"""

# Runs at the end of a copy of the page.
INSPECT = r"""
const found = {width: innerWidth, scrollWidth: document.documentElement.scrollWidth,
  dark: matchMedia('(prefers-color-scheme: dark)').matches, height: document.documentElement.scrollHeight,
  loaded: performance.getEntriesByType('resource').map(entry => entry.name),
  charts: 0, texts: 0, leaving: [], overlapping: [], clipped: [], small: [], pale: [], scrolling: []};
const words = element => element.textContent.slice(0, 60);
const colour = text => (text.match(/[\d.]+/g) || []).map(Number);
const luminance = ([r, g, b]) => [r, g, b].map(value => value / 255)
  .map(value => value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)
  .reduce((sum, value, i) => sum + value * [0.2126, 0.7152, 0.0722][i], 0);
function background(element) {
  for (; element; element = element.parentElement) {
    const value = colour(getComputedStyle(element).backgroundColor);
    if (value.length === 3 || value[3] === 1) return value;
  }
  return [255, 255, 255];
}
function contrast(text, element) {
  const [low, high] = [luminance(colour(text)), luminance(background(element))].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}
function checkFont(element, fill) {
  const style = getComputedStyle(element);
  if (parseFloat(style.fontSize) < 12) found.small.push(words(element));
  if (contrast(fill ? style.fill : style.color, element) < 4.5) found.pale.push(words(element));
}
for (const chart of document.querySelectorAll('svg[role=img]')) {
  ++found.charts;
  const box = chart.getBoundingClientRect();
  const placed = [...chart.querySelectorAll('text')].map(text => [text, text.getBoundingClientRect()]);
  found.texts += placed.length;
  placed.forEach(([text, at], i) => {
    checkFont(text, true);
    if (at.left < box.left - 1 || at.right > box.right + 1 || at.top < box.top - 1 || at.bottom > box.bottom + 1)
      found.leaving.push(words(text));
    for (const [other, there] of placed.slice(i + 1)) {
      const across = Math.min(at.right, there.right) - Math.max(at.left, there.left);
      const down = Math.min(at.bottom, there.bottom) - Math.max(at.top, there.top);
      if (across > 0 && down > 1) found.overlapping.push(words(text) + ' / ' + words(other));
    }
  });
  for (const shape of chart.querySelectorAll('rect, .l, .m')) {
    if (contrast(getComputedStyle(shape).getPropertyValue('--c'), chart) < 3) found.pale.push(shape.outerHTML.slice(0, 60));
  }
}
for (const element of document.querySelectorAll('h1, h2, h3, p, li, dt, dd, td, th, caption, code')) {
  checkFont(element, false);
  if (!element.closest('.scroll') && element.scrollWidth > element.clientWidth + 1 &&
      getComputedStyle(element).display !== 'inline') found.clipped.push(words(element));
}
for (const table of document.querySelectorAll('.scroll')) {
  if (table.scrollWidth > table.clientWidth + 1) found.scrolling.push(table.getAttribute('aria-label'));
}
for (const caption of document.querySelectorAll('caption span')) {
  if (caption.getBoundingClientRect().right > innerWidth) found.clipped.push(words(caption));
}
parent.postMessage(JSON.stringify(found), '*');
"""

results = {"passed": 0, "failed": 0, "skipped": 0}


def check(what, holds, seen=""):
    results["passed" if holds else "failed"] += 1
    if not holds:
        print(f"failed: {what}: {seen}")


def finish():
    print("coir-tests: {passed} passed, {failed} failed, {skipped} skipped".format(**results))
    sys.exit(1 if results["failed"] else 0)


def die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def run(command):
    """Standard output, or an exception: when it fails, and when it takes too long."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               start_new_session=True, preexec_fn=die_with_parent)
    try:
        out, err = process.communicate(timeout=TIMEOUT_S)
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise
    if process.returncode != 0:
        raise RuntimeError(f"{command[0]}: status {process.returncode}: {err.decode(errors='replace')[-2000:]}")
    return out.decode(), err.decode(errors="replace")


def report(folder, name, files):
    page = folder / f"{name}.html"
    run([COIR, "bench", "report", *map(str, files), "--html", "--output", str(page)])
    return page


def inspected_copy(page):
    """The page may run no script; its copy may run this one."""
    text = page.read_text(encoding="utf-8")
    allowed = text.replace("default-src 'none';", "default-src 'none'; script-src 'unsafe-inline';", 1)
    assert allowed != text, "the page forbids nothing"
    copied = page.with_suffix(".inspected.html")
    copied.write_text(allowed.replace("</body>", f"<script>{INSPECT}</script></body>"), encoding="utf-8")
    return copied


def browse(browser, folder, page, width, dark):
    """What the script found, the picture, and what the browser logged for the page."""
    picture = folder / "picture.png"
    picture.unlink(missing_ok=True)
    frame = folder / "frame.html"
    frame.write_text(FRAME.replace("WIDTH", str(width)).replace("HEIGHT", str(HEIGHT)).replace("PAGE", page.as_uri()))
    out, err = run([
        browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
        "--no-first-run", "--disable-background-networking", "--disable-component-update",
        "--host-resolver-rules=MAP * ~NOTFOUND", "--force-device-scale-factor=1",
        f"--user-data-dir={folder / 'profile'}", f"--window-size={max(width, 600)},{HEIGHT}",
        f"--blink-settings=preferredColorScheme={0 if dark else 1}", "--enable-logging=stderr", "--v=0",
        f"--screenshot={picture}", "--dump-dom", "--virtual-time-budget=2000", frame.as_uri()])
    found = re.search(r'<pre id="found">(.*?)</pre>', out, re.S)
    logged = [line for line in err.splitlines() if ":CONSOLE" in line]
    return json.loads(html.unescape(found.group(1))) if found else None, picture.read_bytes(), logged


def read_picture(data):
    """Width, height, the pixel at the top left, and how many lines differ from the one above.

    Lines stay as they were filtered: equal lines are equal then, too, but for the first.
    """
    assert data.startswith(b"\x89PNG\r\n\x1a\n"), "no PNG"
    at, packed, header = 8, b"", None
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + length]
        if kind == b"IHDR":
            header = struct.unpack(">IIBBBBB", body)
        elif kind == b"IDAT":
            packed += body
        at += 12 + length
    width, height, depth, colours, _, _, interlaced = header
    assert depth == 8 and colours in (2, 6) and not interlaced, header
    stride = 1 + width * (3 if colours == 2 else 4)
    raw = zlib.decompress(packed)
    lines = [raw[i * stride:(i + 1) * stride] for i in range(height)]
    return width, height, raw[1:4], len(set(lines))


def check_page(browser, folder, page, width, dark):
    what = f"{page.stem}, {width} pixels, {'dark' if dark else 'light'}"
    found, picture, logged = browse(browser, folder, inspected_copy(page), width, dark)
    check(f"{what}: nothing is logged", not logged, logged)
    check(f"{what}: it is inspected", found is not None)
    if found is None:
        return
    check(f"{what}: the browser is as asked", found["width"] == width and found["dark"] == dark, found)
    check(f"{what}: it has pictures with text", found["charts"] > 3 and found["texts"] > 30, found)
    check(f"{what}: no page is wider than the window", found["scrollWidth"] <= width, found["scrollWidth"])
    for problem, name in (("loaded", "nothing is loaded"), ("leaving", "text stays in its picture"),
                          ("overlapping", "labels do not overlap"), ("clipped", "text fits"),
                          ("small", "text can be read"), ("pale", "contrasts suffice")):
        check(f"{what}: {name}", not found[problem], found[problem][:10])
    if width >= 1280 and page.stem in ("one", "two"):
        check(f"{what}: no table scrolls sideways", not found["scrolling"], found["scrolling"])
    _, _, corner, lines = read_picture(picture)
    check(f"{what}: the picture is not blank", lines > 300, lines)
    check(f"{what}: its background", max(corner) < 64 if dark else min(corner) > 192, list(corner))


def check_inspection(browser, folder, page):
    """What the checks are to find is found."""
    broken = folder / "broken.html"
    text = page.read_text(encoding="utf-8")
    text = text.replace("</main>", '<p style="width:3000px;color:#888">wide</p><img src="http://127.0.0.1:9/x.png"/></main>')
    text = re.sub(r'(<svg class="chart"[^>]*>)', r'\1<text x="-40" y="60">out of it</text><text x="-38" y="60" '
                  r'style="font-size:5px">tiny</text>', text, count=1)
    broken.write_text(text, encoding="utf-8")
    found, _, logged = browse(browser, folder, inspected_copy(broken), 1280, False)
    check("a refused image is logged", any("Content Security Policy" in line for line in logged), logged)
    check("a wide page is found", found["scrollWidth"] > 2900, found["scrollWidth"])
    check("text outside is found", "out of it" in found["leaving"], found["leaving"])
    check("overlapping text is found", "out of it / tiny" in found["overlapping"], found["overlapping"])
    check("small text is found", "tiny" in found["small"], found["small"])
    check("pale text is found", "wide" in found["pale"], found["pale"])
    blank = folder / "blank.html"
    blank.write_text("<!DOCTYPE html><title>blank</title>", encoding="utf-8")
    _, picture, _ = browse(browser, folder, blank, 400, False)
    check("a blank picture is found", read_picture(picture)[3] < 10)


def awkward(result):
    """Long names, many subjects, figures of many magnitudes."""
    result = copy.deepcopy(result)
    for number, case in enumerate(result["cases"]):
        case["scenario"] = "a_scenario_with_a_name_that_is_much_longer_than_any_that_there_is_today"
        case["title"] = "what-is-done-in-one-word-without-any-space-" * 6
        case["name"] += " of an unusually detailed description, with <angles> & 'quotes' and ünïcödé " * 2
        for copied in range(2):
            for series in copy.deepcopy(case["series"]):
                series["name"] += f"-with-a-second-name-that-goes-on-and-on-{copied}"
                series["version"] = "1.2.3-rc4+git20260131.0123456789abcdef"
                scale = 10.0 ** (number * 3 + 4 * copied - 4)
                if "rounds" in series:
                    series["rounds"]["value"] = [value * scale for value in series["rounds"]["value"]]
                case["series"].append(series)
    result["left_out"].append({"name": "n" * 200, "reason": "r" * 500})
    result["notes"].append("w" * 300)
    result["command"] = "coir bench " + "x" * 400
    result["machine"]["cpu"] = "Some(R) Processor(TM) " * 8
    return result


def main():
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if not browser:
        results["skipped"] += 1
        print("skipped: there is no Chromium here (package chromium)")
        finish()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        strange = folder / "awkward.json"
        strange.write_text(json.dumps(awkward(json.loads(pathlib.Path(FIXTURE).read_text()))))
        one = report(folder, "one", [FIXTURE])
        check("the page is small", one.stat().st_size < MOST_BYTES, one.stat().st_size)
        pages = [one, report(folder, "two", [FIXTURE, FIXTURE]), report(folder, "awkward", [strange])]
        check_inspection(browser, folder, one)
        for page in pages:
            for width in (1280, 400):
                for dark in (False, True):
                    check_page(browser, folder, page, width, dark)
    finish()


main()
