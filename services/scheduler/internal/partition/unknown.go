package partition

import (
	"encoding/json"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

// unknownFields are the fields of the partition's records that this version does not know,
// because a newer service has written them. A record that the term writes anew keeps
// those of the record before, and a run's records those of its definition.
type unknownFields struct {
	states   map[string]*schemas.Unknown // by subject
	folds    map[string]*schemas.Unknown // by run
	position *schemas.Unknown
	specs    map[string]spec // of the newest definitions, by import
}

// spec is what is unknown in the spec of a definition.
type spec struct {
	generation int
	unknown    *schemas.Unknown
}

func newUnknownFields() *unknownFields {
	return &unknownFields{states: map[string]*schemas.Unknown{}, folds: map[string]*schemas.Unknown{}, specs: map[string]spec{}}
}

func (n *unknownFields) decodeState(subject string, value []byte) (s schemas.State, err error) {
	if err := json.Unmarshal(value, &s); err != nil {
		return s, err
	}
	n.states[subject] = schemas.UnknownOf[schemas.State](value)
	return s, nil
}

func (n *unknownFields) decodeFold(key string, value []byte) (foldRecord, error) {
	r, err := decodeFold(key, value)
	switch {
	case err != nil:
	case schemas.IsPositionKey(key):
		n.position = schemas.UnknownOf[schemas.Position](value)
	default:
		n.folds[key] = schemas.UnknownOf[schemas.Fold](value)
	}
	return r, err
}

func (n *unknownFields) decodeDefinition(name string, value []byte) (def schemas.Definition, err error) {
	if err := json.Unmarshal(value, &def); err != nil {
		return def, err
	}
	n.specs[name] = spec{def.Generation, schemas.UnknownOf[schemas.Definition](value).Child("spec")}
	return def, nil
}

// keepState adds to a state that is written what is unknown in the one before, and to its
// active run what is unknown in the definition that the run uses.
func (n *unknownFields) keepState(subject string, s *schemas.State, r *kafka.Record) (err error) {
	unknown, def := n.states[subject], n.specs[s.Import]
	uses := s.Active != nil && def.unknown != nil && s.Active.Generation == def.generation
	if unknown == nil && !uses {
		return nil
	}
	if r.Value, err = schemas.AddTo[schemas.State](unknown, r.Value); err != nil {
		return err
	}
	if uses {
		within := schemas.Within("active", schemas.Within("spec", def.unknown))
		if r.Value, err = schemas.AddTo[schemas.State](within, r.Value); err != nil {
			return err
		}
	}
	n.states[subject] = schemas.UnknownOf[schemas.State](r.Value)
	return nil
}

func (n *unknownFields) keepFold(run string, r *kafka.Record) (err error) {
	r.Value, err = schemas.AddTo[schemas.Fold](n.folds[run], r.Value)
	return err
}

func (n *unknownFields) keepPosition(r *kafka.Record) (err error) {
	r.Value, err = schemas.AddTo[schemas.Position](n.position, r.Value)
	return err
}

// keepTrigger adds what is unknown in the spec of the run, whose state is written with it.
func (n *unknownFields) keepTrigger(subject string, r *kafka.Record) (err error) {
	if unknown := n.states[subject].Child("active").Child("spec"); unknown != nil {
		r.Value, err = schemas.AddTo[schemas.Trigger](schemas.Within("spec", unknown), r.Value)
	}
	return err
}
