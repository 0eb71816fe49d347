"""The outcomes in the XML that CI servers read."""

from pathlib import Path
from xml.etree import ElementTree as ET

from conformance.run.results import Run


def write(run: Run, path: Path) -> None:
    """A suite for each library and dtype, a test case for each stage of a case."""
    root = ET.Element("testsuites", name="conformance", tests=str(len(run.outcomes)),
                      failures=str(len(run.failures())))  # fmt: skip
    for backend, dtype in run.columns:
        own = [o for o in run.outcomes if (o.backend, o.dtype) == (backend, dtype)]
        suite = ET.SubElement(
            root, "testsuite", name=f"{backend}-{dtype}", tests=str(len(own)),
            failures=str(sum(o.state == "failed" for o in own)),
            skipped=str(sum(o.state == "expected" for o in own)),
        )  # fmt: skip
        for o in sorted(own, key=lambda o: (o.case, o.stage)):
            case = ET.SubElement(
                suite, "testcase", classname=f"{backend}.{dtype}.{o.version}.{o.stage}",
                name=o.case, time=f"{o.seconds:.4f}",
            )  # fmt: skip
            if o.state != "passed":
                tag = "failure" if o.state == "failed" else "skipped"
                ET.SubElement(case, tag, message=o.text)
    for backend, reason in run.missing.items():
        suite = ET.SubElement(root, "testsuite", name=backend, tests="1", skipped="1")
        case = ET.SubElement(suite, "testcase", classname=backend, name="all")
        ET.SubElement(case, "skipped", message=reason)
    ET.indent(root)
    ET.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)
