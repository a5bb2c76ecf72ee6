"""Grades a class: runs each answer apart from the right ones, and says what it earns.

`submissions` finds and reads what was handed in, `rules` what it is worth, `judging` compares an
answer with the right one, `report` writes the results, `demo` shows all of it. An answer runs in a
process of its own (`zygote`, confined by `sandbox`), which gets inputs and gives values back in the
plain form of `plain`; `remote` is that process as the judge sees it.
"""
