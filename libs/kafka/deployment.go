package kafka

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
)

// Deployment identifies one deployment of Tapline. What a deployment keeps
// outside Kafka carries this identity, because two deployments may share a Redis
// and apply the same definitions.
type Deployment struct {
	Cluster string // the id of the Kafka cluster
	Prefix  string // begins the names of the deployment's topics
}

// String describes the deployment in messages for people.
func (d Deployment) String() string {
	return fmt.Sprintf("Kafka cluster %s with kafka.prefix %q", d.Cluster, d.Prefix)
}

// Key returns a short hash that identifies the deployment inside Redis keys.
func (d Deployment) Key() string {
	sum := sha256.Sum256([]byte(d.Cluster + "\x00" + d.Prefix))
	return hex.EncodeToString(sum[:8])
}

// Deployment returns the deployment. It asks the brokers for the cluster's id at
// the first call only.
func (r *Reader) Deployment(ctx context.Context) (Deployment, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cluster == "" {
		id, err := r.ClusterID(ctx)
		if err != nil {
			return Deployment{}, err
		}
		if id == "" {
			return Deployment{}, errors.New("the brokers give their cluster no id")
		}
		r.cluster = id
	}
	return Deployment{Cluster: r.cluster, Prefix: r.cfg.Prefix}, nil
}
