// Package waiting measures the cost of clients that wait: apps that poll the status of their logins, and logins that
// expire. Its tests with the tag measure are the measurements; make measure-waiting and make measure-pending run them.
package waiting
