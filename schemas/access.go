package schemas

import "time"

// KindAccessKey is the kind under which keys to the API stand in the resources
// topic. It is not a kind that documents can have: keys are made by Import Center
// and by `tapline keys bootstrap` alone.
const KindAccessKey = "AccessKey"

// AccessKeySpec is the spec of an AccessKey resource. The key itself is shown
// once, when it is made, and is nowhere kept.
type AccessKeySpec struct {
	// Hash is the SHA-256 of the whole key, in hexadecimal. A key has 256 random
	// bits, so that a slow hash would protect nothing more.
	Hash      string    `json:"hash"`
	Role      string    `json:"role"`
	Selector  *Selector `json:"selector,omitempty"`
	ExpiresAt time.Time `json:"expiresAt,omitzero"`
	CreatedBy string    `json:"createdBy"`
}

// Selector names imports: those with one of the names, if there are names, and
// with every label. A name may end in an asterisk.
type Selector struct {
	Names  []string          `json:"names,omitempty" doc:"Names of imports; an asterisk stands for any letters"`
	Labels map[string]string `json:"labels,omitempty" doc:"Labels that imports bear"`
}
