"""Runtimes and jobs as objects of Kubernetes."""
