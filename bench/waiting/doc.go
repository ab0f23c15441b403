// Package waiting measures what people who wait cost: apps that ask how their login goes, and
// logins that expire. make measure-waiting and make measure-pending run what it is made of; the
// figures are in docs/capacity.md.
package waiting
