package signicat

// DecodeSession is what a body goes through: fuzzing it needs no network and no goroutine.
var DecodeSession = decodeSession

// NewDialer is the dialer of a client whose Config has none.
var NewDialer = newDialer
