package loader

import (
	"encoding/json"
	"maps"
	"slices"
	"sync"

	"tapline.dev/schemas"
	"tapline.dev/services/loader/internal/delivery"
)

// isDry reports whether a run is a dry run, whose records CleverTap does not store.
func isDry(run *schemas.ActiveRun) bool { return run != nil && run.Mode == schemas.ModeDryRun }

// policyOf is how a run's records may be sent again: those of a dry run as often
// as it takes, because nothing is stored.
func policyOf(run *schemas.ActiveRun) delivery.Policy {
	if isDry(run) {
		return delivery.Resend
	}
	return delivery.PolicyOf(&run.Spec)
}

// lookUpProfiles asks whether the profiles of a dry run's records exist. If CleverTap does not
// answer, the profile counts as unknown and the dry run goes on.
func (m *member) lookUpProfiles(u *upload) {
	if !isDry(u.run) || u.run.Verify != nil || u.conn == nil || u.run.Spec.Destination.Type != schemas.TypeProfile {
		return
	}
	profiles, ok := u.conn.client.(finder)
	if !ok {
		return
	}
	ctx := u.context(m.work)
	known := map[string]string{} // by identity
	wanted := map[int]string{}
	by := "identity"
	for i := range u.batch.Items {
		if !u.delivery.Outcomes[i].Loaded {
			continue
		}
		var record struct {
			Identity string `json:"identity"`
			ObjectID string `json:"objectId"`
		}
		if json.Unmarshal(u.batch.Items[i].Record.Value, &record) != nil {
			continue
		}
		wanted[i] = record.Identity
		if record.ObjectID != "" {
			by, wanted[i] = "objectId", record.ObjectID
		}
		known[wanted[i]] = schemas.ProfileUnknown
	}
	var mu sync.Mutex
	var asking sync.WaitGroup
	for _, id := range slices.Collect(maps.Keys(known)) {
		asking.Go(func() {
			found, err := profiles.Exists(ctx, by, id)
			if err != nil {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			known[id] = schemas.ProfileNew
			if found {
				known[id] = schemas.ProfileUpdated
			}
		})
	}
	asking.Wait()
	u.profiles = make(map[int]string, len(wanted))
	for i, id := range wanted {
		u.profiles[i] = known[id]
	}
}
