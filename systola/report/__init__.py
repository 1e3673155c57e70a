"""The report: one HTML file with its pictures inside, made from a dict (`schema.Report`)."""

from systola.report.render import render
from systola.report.schema import Report

__all__ = ["Report", "render"]
