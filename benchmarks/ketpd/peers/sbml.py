"""ketpd as SBML, built in memory from the same model file; doses as SBML events or left to the caller."""

from __future__ import annotations

import libsbml

from benchmarks.ketpd.problem import Problem

SWITCH = "R"


def sbml_of(problem: Problem, *, events: bool) -> str:
    """Return SBML level 3: states and parameters are parameters, rates are rate rules, definitions assignment rules.

    With `events` the input R is switched by one event at each change; without, the caller sets R between spans.
    """
    document = libsbml.SBMLDocument(3, 1)
    model = document.createModel()
    model.setId("ketpd")
    starts = dict(zip(problem.states, problem.initial, strict=True))
    for name, value in (starts | problem.values | {SWITCH: problem.segments[0][2]}).items():
        _parameter(model, name, float(value), constant=name in problem.values)
    for name, text in problem.model["define"].items():
        _parameter(model, name, 0.0, constant=False)
        rule = model.createAssignmentRule()
        rule.setVariable(name)
        rule.setMath(_math(text))
    for name in problem.states:
        rule = model.createRateRule()
        rule.setVariable(name)
        rule.setMath(_math(problem.model["rate"][name]))
    for k, (begin, _, rate) in enumerate(problem.segments):
        if events and begin > 0:
            _event(model, k, begin, rate)
    return libsbml.writeSBMLToString(document)


def _parameter(model: libsbml.Model, name: str, value: float, *, constant: bool) -> None:
    p = model.createParameter()
    p.setId(name)
    p.setValue(value)
    p.setConstant(constant)


def _event(model: libsbml.Model, k: int, begin: float, rate: float) -> None:
    event = model.createEvent()
    event.setId(f"change{k}")
    event.setUseValuesFromTriggerTime(True)
    trigger = event.createTrigger()
    trigger.setInitialValue(False)
    trigger.setPersistent(True)
    trigger.setMath(libsbml.parseL3Formula(f"time >= {begin!r}"))
    assignment = event.createEventAssignment()
    assignment.setVariable(SWITCH)
    assignment.setMath(libsbml.parseL3Formula(repr(rate)))


def _math(text: str) -> libsbml.ASTNode:
    node = libsbml.parseL3Formula(text.replace("**", "^"))
    if node is None:
        raise ValueError(f"not a formula: {text}")
    return node
