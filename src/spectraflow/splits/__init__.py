"""Assignments of molecules to folds and parts, with their audits."""
