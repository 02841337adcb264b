package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/temporal"

	"github.com/longhaul/longhaul/job"
)

// Search attributes, by which jobs are found on the server. They are set where they are asked for only, since they must be registered there first; and
// only at the start, which the server carries over to further runs.
var (
	attributeOutput = temporal.NewSearchAttributeKeyKeyword("LonghaulOutput")
	attributeInput  = temporal.NewSearchAttributeKeyKeyword("LonghaulInput")
	attributeTask   = temporal.NewSearchAttributeKeyKeyword("LonghaulTask")

	attributes = []temporal.SearchAttributeKeyKeyword{attributeOutput, attributeInput, attributeTask}
)

const (
	attributesVariable = "LONGHAUL_SEARCH_ATTRIBUTES"
	// maxKeyword is how long a keyword may be, in bytes: what the databases that a server may have store of one.
	maxKeyword = 255
)

// attributesFlag is the flag that asks for search attributes.
type attributesFlag struct {
	wanted bool
	// environment is what the variable says that cannot be understood.
	environment string
}

func (o *attributesFlag) register(f *pflag.FlagSet) {
	value := os.Getenv(attributesVariable)
	wanted, err := strconv.ParseBool(value)
	if err != nil && value != "" {
		o.environment = value
	}
	f.BoolVar(&o.wanted, "search-attributes", wanted, "set search attributes, by which the server finds the job (also by "+attributesVariable+"=true)")
}

func (o *attributesFlag) check() error {
	if o.environment != "" {
		return usage(fmt.Errorf("%s=%s: want true or false", attributesVariable, o.environment))
	}
	return nil
}

// attributesOf is a job's search attributes.
func attributesOf(s job.Spec) (temporal.SearchAttributes, error) {
	set := map[temporal.SearchAttributeKeyKeyword]string{attributeOutput: s.Output, attributeInput: s.Input[0], attributeTask: s.Task.Name}
	if s.Patch != nil {
		set[attributeOutput] = s.Patch.Output
		delete(set, attributeInput) // a file of our own
	}
	var updates []temporal.SearchAttributeUpdate
	for _, key := range attributes {
		value, ok := set[key]
		if len(value) > maxKeyword {
			return temporal.SearchAttributes{}, usage(fmt.Errorf("--search-attributes: %s: %d bytes, where %d are the most: %s (name a shorter path, or leave the flag out)",
				key.GetName(), len(value), maxKeyword, value))
		}
		if ok {
			updates = append(updates, key.ValueSet(value))
		}
	}
	return temporal.NewSearchAttributes(updates...), nil
}

// errAttributesHidden says that the server does not tell which search attributes it has, as where that is for operators only.
var errAttributesHidden = errors.New("the server does not tell which search attributes it has")

// attributesState says which of the search attributes the server lacks, and which it has with another type.
func (e *engine) attributesState(ctx context.Context) (missing, other []string, err error) {
	known, err := e.client.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: e.settings.Namespace})
	var denied *serviceerror.PermissionDenied
	var unknown *serviceerror.Unimplemented
	if errors.As(err, &denied) || errors.As(err, &unknown) {
		return nil, nil, errAttributesHidden
	}
	if err != nil {
		return nil, nil, fmt.Errorf("ask for search attributes: %w", err)
	}
	for _, key := range attributes {
		switch kind, ok := known.GetCustomAttributes()[key.GetName()]; {
		case !ok:
			missing = append(missing, key.GetName())
		case kind != key.GetValueType():
			other = append(other, fmt.Sprintf("%s is of type %s, not %s", key.GetName(), kind, key.GetValueType()))
		}
	}
	return missing, other, nil
}

// addAttributes registers the search attributes that the server lacks.
func (e *engine) addAttributes(ctx context.Context, missing []string) error {
	wanted := map[string]enums.IndexedValueType{}
	for _, key := range attributes {
		if slices.Contains(missing, key.GetName()) {
			wanted[key.GetName()] = key.GetValueType()
		}
	}
	_, err := e.client.OperatorService().AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{Namespace: e.settings.Namespace, SearchAttributes: wanted})
	if err != nil {
		return fmt.Errorf("register search attributes: %w", err)
	}
	return nil
}

// readyAttributes refuses a start with search attributes that the server does not have. On an embedded server it registers them.
func (e *engine) readyAttributes(ctx context.Context) error {
	missing, other, err := e.attributesState(ctx)
	switch {
	case errors.Is(err, errAttributesHidden):
		return nil // the start itself will be refused
	case err != nil:
		return err
	case len(other) > 0:
		return fmt.Errorf("--search-attributes: %s (leave the flag out, or have the operator of the server put it right)", strings.Join(other, ", "))
	case len(missing) > 0 && e.embedded != nil:
		return e.addAttributes(ctx, missing)
	case len(missing) > 0:
		return fmt.Errorf("--search-attributes: the namespace %s has no %s (longhaul doctor --fix registers them, with the same flags for the server; or leave the flag out)",
			e.settings.Namespace, strings.Join(missing, ", "))
	}
	return nil
}

// attributesCheck looks whether the search attributes are there, and registers them where that is asked for.
func (e *engine) attributesCheck(ctx context.Context, fix bool) check {
	c := check{Name: "search attributes", State: checkOK}
	missing, other, err := e.attributesState(ctx)
	fixed := ""
	if err == nil && len(missing) > 0 && fix {
		if err = e.addAttributes(ctx, missing); err == nil {
			missing, fixed = nil, ", now"
		}
	}
	names := make([]string, 0, len(attributes))
	byHand := "temporal operator search-attribute create --namespace " + e.settings.Namespace
	for _, key := range attributes {
		names = append(names, key.GetName())
		if slices.Contains(missing, key.GetName()) {
			byHand += " --name " + key.GetName() + " --type Keyword"
		}
	}
	switch {
	case err != nil && fix:
		c.State, c.Found, c.Do = checkFailed, err.Error(), "ask the operator of the server for: "+byHand
	case err != nil:
		c.State, c.Found = checkSkipped, err.Error()
	case len(other) > 0:
		c.State, c.Found, c.Do = checkWarning, strings.Join(other, ", "), "do without --search-attributes, or remove it and register it anew"
	case len(missing) > 0:
		c.State, c.Found, c.Do = checkSkipped, "there is no "+strings.Join(missing, ", ")+": only --search-attributes needs them", "where jobs are to be found by them: doctor --fix registers them, or "+byHand
	default:
		c.Found = strings.Join(names, ", ") + " are registered" + fixed
	}
	return c
}
