"""The library that the chapters build, one module a stage."""
