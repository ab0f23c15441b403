package gateway

import "crypto/rand"

// InstanceHeader is the header of /health/ready that names the gateway of a process, so that two
// processes behind one address can be told apart.
const InstanceHeader = "Itsme-Instance"

// NewInstance makes a name for InstanceHeader. It is random, and says nothing of the machine.
func NewInstance() string { return rand.Text() }
