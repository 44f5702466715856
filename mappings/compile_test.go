package mappings

import (
	"context"
	"testing"
)

func TestShippedCompiles(t *testing.T) {
	m, err := Load("network-firewall")
	if err != nil {
		t.Fatal(err)
	}
	plan, problems, err := m.Compile(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Log(p)
	}
	if plan == nil {
		t.Fatal("no plan")
	}
	if len(plan.Projections) != 1 || plan.Projections[0].Class != "network_activity" {
		t.Fatalf("projections: %+v", plan.Projections)
	}
}
