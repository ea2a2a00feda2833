// SPDX-License-Identifier: MIT
/*
 * Each timer points to its first child, which is not due before it, and to
 * its next sibling; `previous` is the sibling before, or the parent of a first
 * child. A removed timer's children are melded in pairs, left to right, then
 * the pairs right to left: this is what makes the cost logarithmic.
 */
#include "kernel/timer_heap.h"

static bool is_before(const struct timer *a, const struct timer *b)
{
	return a->due != b->due ? a->due < b->due : a->number < b->number;
}

/* Two roots become one; returns it. */
static struct timer *meld(struct timer *a, struct timer *b)
{
	struct timer *parent = is_before(a, b) ? a : b;
	struct timer *child = parent == a ? b : a;

	child->previous = parent;
	child->sibling = parent->child;
	if (child->sibling)
		child->sibling->previous = child;
	parent->child = child;
	parent->sibling = NULL;
	parent->previous = NULL;
	return parent;
}

static struct timer *meld_siblings(struct timer *first)
{
	struct timer *pairs = NULL, *root = NULL;

	while (first) {
		struct timer *a = first, *b = a->sibling;

		first = b ? b->sibling : NULL;
		if (b)
			a = meld(a, b);
		a->sibling = pairs;
		pairs = a;
	}
	while (pairs) {
		struct timer *next = pairs->sibling;

		pairs->sibling = NULL;
		pairs->previous = NULL;
		root = root ? meld(root, pairs) : pairs;
		pairs = next;
	}
	return root;
}

static void cut(struct timer *t)
{
	if (t->previous->child == t)
		t->previous->child = t->sibling;
	else
		t->previous->sibling = t->sibling;
	if (t->sibling)
		t->sibling->previous = t->previous;
}

void timer_heap_add(struct timer_heap *heap, struct timer *t)
{
	t->number = heap->added++;
	t->child = t->sibling = t->previous = NULL;
	heap->first = heap->first ? meld(heap->first, t) : t;
}

void timer_heap_remove(struct timer_heap *heap, struct timer *t)
{
	struct timer *rest;

	if (t != heap->first)
		cut(t);
	rest = meld_siblings(t->child);
	if (t == heap->first)
		heap->first = rest;
	else if (rest)
		heap->first = meld(heap->first, rest);
	t->child = t->sibling = t->previous = NULL;
}
