package store

import (
	"container/heap"
	"slices"
)

// queue is a heap with members that know their place: any of them can move or leave in O(log n). The zero
// value is empty. It is not safe for concurrent use.
type queue[T queued[T]] struct{ order heapOrder[T] }

// queued is a member of a queue. Its place is zero when it is in no queue.
type queued[T any] interface {
	before(T) bool
	place() *int
}

// first returns the member before all others; ok is false when there is none.
func (q *queue[T]) first() (member T, ok bool) {
	if len(q.order) == 0 {
		return member, false
	}
	return q.order[0], true
}

func (q *queue[T]) len() int { return len(q.order) }

// reserve allocates room for n members.
func (q *queue[T]) reserve(n int) {
	if n > cap(q.order) {
		q.order = slices.Grow(q.order, n-len(q.order))
	}
}

// put adds a member, or moves one whose order changed.
func (q *queue[T]) put(member T) {
	if at := *member.place(); at != 0 {
		heap.Fix(&q.order, at-1)
		return
	}
	heap.Push(&q.order, member)
}

// drop removes a member if the queue has it.
func (q *queue[T]) drop(member T) {
	if at := *member.place(); at != 0 {
		heap.Remove(&q.order, at-1)
	}
}

// heapOrder is a queue's heap.Interface.
type heapOrder[T queued[T]] []T

func (h heapOrder[T]) Len() int           { return len(h) }
func (h heapOrder[T]) Less(i, j int) bool { return h[i].before(h[j]) }

func (h heapOrder[T]) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	*h[i].place(), *h[j].place() = i+1, j+1
}

// Push appends a member for heap.Push.
func (h *heapOrder[T]) Push(member any) {
	*h = append(*h, member.(T))
	*member.(T).place() = len(*h)
}

// Pop removes the last member for heap.Pop and heap.Remove.
func (h *heapOrder[T]) Pop() any {
	last := len(*h) - 1
	member := (*h)[last]
	*member.place() = 0
	clear((*h)[last:])
	*h = (*h)[:last]
	return member
}
