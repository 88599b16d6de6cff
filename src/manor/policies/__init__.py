"""Admission policies as YAML, one folder each, with objects that it must admit and must refuse
beside it."""
