# SPDX-License-Identifier: MIT
"""Why an option has the value it has, and what would have to change.

Reads the Kconfig files with kconfiglib (Debian's python3-kconfiglib); the
configuration itself is made by kconfig-frontends, and kconfig_test.py holds
the two against each other."""

import difflib
import os
import sys

try:
    import kconfiglib
except ImportError:     # another python3 than Debian's comes first in PATH
    sys.path.append("/usr/lib/python3/dist-packages")
    import kconfiglib

DEPTH_MAX = 8           # of a chain of dependencies that is told
LINES_MAX = 40          # tried for `WANT=`


class Options(kconfiglib.Kconfig):
    """With room for who asked for what."""

    provenance = {}


def load(root, config=None, provenance=()):
    """The Kconfig files below `root`, with the values of the file `config`, and
    who asked for them: name -> FILE:LINE."""
    before = os.environ.get("srctree")
    os.environ["srctree"] = root
    try:
        tree = Options("Kconfig", warn_to_stderr=False)
    finally:
        if before is None:
            del os.environ["srctree"]
        else:
            os.environ["srctree"] = before
    if config:
        tree.load_config(config)
    tree.provenance = dict(provenance)
    return tree


def symbol(tree, name):
    """The option of this name, None if the Kconfig files define none."""
    found = tree.syms.get(name)
    return found if found and found.nodes else None


def nearest(tree, name):
    """Up to three names that are like it."""
    names = [s.name for s in tree.unique_defined_syms]
    return difflib.get_close_matches(name, names, 3, 0.6)


def value_of(sym):
    return sym.str_value if sym.str_value != "" else '""' if sym.orig_type == kconfiglib.STRING \
        else "nothing"


def shown(sym):
    """`VIRTIO (=n)`, as an expression is shown."""
    return f"{sym.name} (={value_of(sym)})" if sym.nodes else sym.name


def expression(expr):
    return kconfiglib.expr_str(expr, lambda sc: shown(sc) if isinstance(sc, kconfiglib.Symbol)
                               else kconfiglib.standard_sc_expr_str(sc))


def conjuncts(expr):
    """The parts of an expression that must all hold; a choice is what it depends on."""
    if isinstance(expr, kconfiglib.Choice):
        return conjuncts(expr.direct_dep)
    if isinstance(expr, tuple) and expr[0] == kconfiglib.AND:
        return conjuncts(expr[1]) + conjuncts(expr[2])
    return [expr]


def failing(expr):
    return [part for part in conjuncts(expr) if kconfiglib.expr_value(part) == 0]


def chain(sym, depth=0):
    """Lines: what it depends on that does not hold, and why that does not."""
    lines = []
    for part in failing(sym.direct_dep):
        lines.append("  " * depth + f"{sym.name} depends on {expression(part)}")
        if depth < DEPTH_MAX and isinstance(part, kconfiglib.Symbol) and part.nodes:
            lines += chain(part, depth + 1) or reach(part, depth + 1)
    return lines


def where(sym):
    node = sym.nodes[0]
    return f"{node.filename}:{node.linenr}"


def selectors(sym):
    """The options that select it."""
    return [s for s in sym.kconfig.unique_defined_syms
            if any(target is sym for target, _ in s.selects)]


def has_prompt(sym):
    return any(node.prompt for node in sym.nodes)


def reach(sym, depth):
    """What a user would change so that an option is on whose dependencies hold."""
    pad = "  " * depth
    if has_prompt(sym):
        chosen = f" (one of a choice, now {sym.choice.selection.name})" \
            if sym.choice and sym.choice.selection else ""
        asked = sym.kconfig.provenance.get(sym.name)
        now = f", but is {value_of(sym)} by {asked}" if asked and not chosen else ""
        return [f"{pad}{sym.name} can be set: {where(sym)}{chosen}{now}"]
    names = " or ".join(shown(s) for s in selectors(sym)) or "nothing"
    ways = [chain(s, depth + 1) or reach(s, depth + 1) for s in selectors(sym)] \
        if depth < DEPTH_MAX else []
    return [f"{pad}{sym.name} has no prompt, it is selected by {names}",
            *min(ways, key=len, default=[])]


def bounds(sym):
    """`4 to 64` as it stands now, or None."""
    for low, high, condition in sym.ranges:
        if kconfiglib.expr_value(condition):
            return f"{low.str_value} to {high.str_value}"
    return None


def ranges(sym):
    """The range that holds, else all there are."""
    return [bounds(sym)] if bounds(sym) else \
        [f"{low.str_value} to {high.str_value} if {expression(condition)}"
         for low, high, condition in sym.ranges]


def of_type(sym, text):
    """Whether the text is a value of the option's type at all."""
    if sym.orig_type == kconfiglib.BOOL:
        return text in ("y", "n")
    if sym.orig_type == kconfiglib.STRING:
        return text.startswith('"')
    try:
        int(text, 16 if sym.orig_type == kconfiglib.HEX else 10)
    except ValueError:
        return False
    return sym.orig_type != kconfiglib.HEX or text.lower().startswith("0x")


def type_name(sym):
    return kconfiglib.TYPE_TO_STR[sym.orig_type]


def unmet(sym, wanted):
    """Lines: why `wanted` did not take effect; the first is a clause, the others explain it."""
    if sym.orig_type == kconfiglib.BOOL and not of_type(sym, wanted):
        return [f"it is a bool: y or n{', there are no modules' if wanted == 'm' else ''}"]
    if not of_type(sym, wanted):
        return [f"it is {'an' if type_name(sym) == 'int' else 'a'} {type_name(sym)}"
                + (f", {bounds(sym)}" if bounds(sym) else "")]
    forcing = [s for s in selectors(sym) if s.str_value == "y"]
    if wanted == "n" and forcing:
        return ["it is selected by " + " and ".join(shown(s) for s in forcing)]
    if not has_prompt(sym):
        names = " or ".join(shown(s) for s in selectors(sym)) or "nothing"
        return [f"it has no prompt, so no file can set it: it is selected by {names}"]
    if failing(sym.direct_dep):
        return ["a dependency is not met"] + chain(sym)
    if sym.choice:
        others = " ".join(s.name for s in sym.choice.syms)
        chosen = sym.choice.selection.name if sym.choice.selection else "none"
        return [f"it is one of a choice, which is {chosen}; there are {others}"]
    limits = bounds(sym)
    if limits:
        return [f"it is out of range, {limits}"]
    return [f"it is a {type_name(sym)}"]


def explain(tree, name, wanted):
    """Lines about a wish that did not take effect, of a tree with what resulted."""
    sym = symbol(tree, name)
    if sym:
        return unmet(sym, wanted)
    near = nearest(tree, name)
    return ["unknown symbol" + (f"; did you mean {' or '.join(near)}?" if near else
                                ", no Kconfig file defines it or one like it")]


# `make why`.

def paragraph(title, lines):
    return [f"{title:<12}{lines[0]}"] + [" " * 12 + line for line in lines[1:]] if lines else []


def defaults(sym):
    return [f"{expression(value)}" + ("" if condition is sym.kconfig.y
                                      else f" if {expression(condition)}")
            for value, condition in sym.defaults]


def dependents(sym):
    """The options whose prompt, value or range looks at it, and what it selects."""
    return sorted({s.name for s in sym.kconfig.unique_defined_syms
                   if s is not sym and sym in kconfiglib.expr_items(s.direct_dep)})


def came_from(sym):
    """Who gave it the value it has: a select, a choice, a file's line, or a default."""
    forcing = [s.name for s in selectors(sym) if s.str_value == "y"]
    if forcing and sym.str_value == "y":
        return "selected by " + " and ".join(forcing)
    if sym.name in sym.kconfig.provenance:
        return sym.kconfig.provenance[sym.name]
    if sym.choice and sym.choice.selection:
        return f"the choice, which is {sym.choice.selection.name}"
    return "default" if not failing(sym.direct_dep) else "off with what it depends on"


def describe(sym):
    """Lines: all there is to say of an option."""
    node = sym.nodes[0]
    lines = [f"CONFIG_{sym.name}: {node.prompt[0] if node.prompt else 'no prompt'}"]
    lines += paragraph("defined", [f"{n.filename}:{n.linenr}" for n in sym.nodes])
    lines += paragraph("type", [type_name(sym)])
    lines += paragraph("range", ranges(sym))
    lines += paragraph("value", [f"{value_of(sym)}, from: {came_from(sym)}"])
    lines += paragraph("default", defaults(sym))
    if sym.choice:
        lines += paragraph("choice", [shown(s) for s in sym.choice.syms])
    needs = [expression(p) for p in conjuncts(sym.direct_dep) if p is not sym.kconfig.y]
    lines += paragraph("depends on", needs)
    lines += paragraph("because", chain(sym))
    lines += paragraph("selects", [shown(target) for target, _ in sym.selects])
    lines += paragraph("selected by", [shown(s) for s in selectors(sym)])
    lines += paragraph("needed by", [" ".join(dependents(sym))] if dependents(sym) else [])
    if node.help:
        lines += ["", *("  " + line for line in node.help.rstrip().split("\n"))]
    return lines


# `make why WANT=`: lines that give a value, found greedily.

def lines_for(sym, wanted, seen=()):
    """Assignments (name, text) that should make it so; None if none are found."""
    if sym in seen or len(seen) > DEPTH_MAX:
        return None
    seen = seen + (sym,)
    if sym.str_value == wanted:
        return []
    if sym.orig_type == kconfiglib.BOOL and wanted == "n":
        above = [lines_for(s, "n", seen) for s in selectors(sym) if s.str_value == "y"]
        if None in above:
            return None
        if sym.choice:
            others = [s for s in sym.choice.syms if s is not sym and not failing(s.direct_dep)]
            return sum(above, []) + [(others[0].name, "y")] if others else None
        return sum(above, []) + ([(sym.name, "n")] if has_prompt(sym) else [])
    if not has_prompt(sym):
        ways = [lines_for(s, "y", seen) for s in selectors(sym)]
        ways = [w for w in ways if w is not None]
        return min(ways, key=len) if ways else None
    below = fulfil(sym.direct_dep, seen)
    return None if below is None else below + [(sym.name, wanted)]


def fulfil(expr, seen):
    """Assignments that make an expression hold; None if none are found."""
    if kconfiglib.expr_value(expr):
        return []
    if isinstance(expr, kconfiglib.Symbol):
        return lines_for(expr, "y", seen) if expr.nodes else None
    if not isinstance(expr, tuple):
        return None
    if expr[0] == kconfiglib.NOT:
        return lines_for(expr[1], "n", seen) if isinstance(expr[1], kconfiglib.Symbol) else None
    if expr[0] == kconfiglib.AND:
        one, two = fulfil(expr[1], seen), fulfil(expr[2], seen)
        return None if one is None or two is None else one + [x for x in two if x not in one]
    if expr[0] == kconfiglib.OR:
        ways = [w for w in (fulfil(e, seen) for e in expr[1:]) if w is not None]
        return min(ways, key=len) if ways else None
    if expr[0] == kconfiglib.EQUAL and expr[2].is_constant:
        return lines_for(expr[1], expr[2].str_value, seen)
    return None


def least(lines, gives):
    """The lines without those that `gives()` does not need."""
    for line in list(lines):
        fewer = [x for x in lines if x != line]
        if gives(fewer):
            lines = fewer
    return lines
