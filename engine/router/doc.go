// Package router finds the handler for a method and a path.
//
// Routes are kept as a tree with one level per path segment. A segment of a pattern is exact, ":name" (any one segment
// that is not empty) or, as the last one, "*name" (all the rest, also none). Of several routes that match, the one goes
// first that has, at the leftmost segment where they differ, the exact segment, or else ":name".
//
// Invariant: the order of Add changes no response. Finding allocates nothing and visits a node of the tree at most once;
// where the path itself is a pattern with a route for the method, the best match costs one map look-up.
//
// A Router is filled by one thread; from then on it is read-only and any number of threads may ask it.
package router
