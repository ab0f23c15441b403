package signicat

// DecodeSession is what a body goes through: fuzzing it needs no network and no goroutine.
var DecodeSession = decodeSession
