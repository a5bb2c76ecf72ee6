# make run   set up, then execute chapters 00 to 09 and let the trained model speak
# make test  set up, then run the tests
# make lab   open the next chapter in JupyterLab
# make book  render the book to book/_build/html; with the solutions and the pages for instructors:
#             make book EDITION=instructor
# make bench  measure all again: speed, losses, often-said claims (about two hours); more of it
#             with clones of other programs: make bench NANOGPT=folder MINBPE=folder

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run test lab book bench
run: $(VENV)/installed
	$(BIN)/minigpt run
test: $(VENV)/installed-test
	$(BIN)/minigpt test
lab: $(VENV)/installed
	$(BIN)/minigpt lab
book: $(VENV)/installed
	$(BIN)/minigpt book $(if $(EDITION),--edition $(EDITION))
bench: $(VENV)/installed
	$(BIN)/python -m benchmarks $(if $(NANOGPT),--nanogpt $(NANOGPT)) $(if $(MINBPE),--minbpe $(MINBPE))

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "The course needs Python 3.11 or newer; name one with: make run PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: requirements.txt pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/installed-test: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test]'
	@touch $@
