package api

// AlertProvider is Flagger's flagger.app/v1beta1 AlertProvider: a chat that gets the alerts of
// rollouts. It is rendered for the rollouts that name it.
type AlertProvider struct {
	TypeMeta `json:",inline"`

	// Metadata of the AlertProvider.
	Metadata ObjectMeta `json:"metadata"`

	// Spec of the AlertProvider.
	Spec AlertProviderSpec `json:"spec"`

	// Status is set by Flagger and ignored.
	Status any `json:"status,omitempty"`
}

// AlertProviderSpec is the destination of alerts.
type AlertProviderSpec struct {
	// Type of the chat.
	Type string `json:"type" enum:"slack,msteams,discord,rocket,gchat"`

	// Channel of the chat.
	// +kubebuilder:default=general
	Channel string `json:"channel,omitempty"`

	// Username that alerts are sent as.
	// +kubebuilder:default=flagger
	Username string `json:"username,omitempty"`

	// Address is the URL of the webhook. In most chats it is a secret; use secretRef
	// for it.
	// +fleetwright:example=https://chat.example.com/hooks/flagger
	Address string `json:"address,omitempty" pattern:"^https?://.+$" format:"http-url"`

	// Proxy is the URL of an HTTP proxy on the way.
	// +fleetwright:example=http://proxy.example.com:3128
	Proxy string `json:"proxy,omitempty" format:"proxy-url"`

	// SecretRef names the Secret with the key address, and token where the chat
	// needs one. It must exist in the AlertProvider's namespace on every cluster.
	SecretRef *LocalReference `json:"secretRef,omitempty"`
}
