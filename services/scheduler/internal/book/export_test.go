package book

// SourceHashBefore is what the states of an earlier version hold.
var SourceHashBefore = sourceHashBefore
