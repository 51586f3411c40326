"""The report that a person reads: one HTML file with the answer, its pictures, its doubts and its sources."""

from stackwright.report.page import write_report

__all__ = ["write_report"]
